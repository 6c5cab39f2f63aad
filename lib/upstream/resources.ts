import type { Clock } from "../core/clock.ts";
import type { OpenedSettings, UpstreamSettings } from "../config/upstream.ts";
import { GatewayError } from "../core/errors.ts";
import { Opened } from "./opened.ts";
import type { Reply, Source } from "../core/source.ts";
import { StartError } from "../core/start_error.ts";
import { within } from "../core/within.ts";

/** Options of {@linkcode Resources}. */
export interface ResourcesOptions {
  readonly clock: Clock;
  /** Time that `close` waits for abandoned calls (ms). */
  readonly lingerMs: number;
  /**
   * Called with the error of a resource that could not be opened or closed, and its upstream's
   * name.
   */
  readonly onError: (error: unknown, upstream: string) => void;
}

/** An upstream with an open resource. */
type OpenedUpstreamSettings = Extract<UpstreamSettings, OpenedSettings>;

/** The resource of one upstream. */
interface Resource {
  readonly settings: OpenedUpstreamSettings;
  readonly opened: Opened<unknown>;
  /** Calls that have not settled, including abandoned ones. */
  readonly calls: Set<Promise<Reply>>;
  state: "new" | "starting" | "running" | "closing" | "closed";
}

/** The open resources of function sources, so that the end of their gateway can close them. */
export class Resources {
  readonly #options: ResourcesOptions;
  readonly #all = new Map<Source, Resource>();
  /** In the order of opening. */
  readonly #open = new Set<Resource>();

  constructor(options: ResourcesOptions) {
    this.#options = options;
  }

  /** Returns the source of an upstream, which opens its resource at the first call. */
  source(settings: OpenedUpstreamSettings): Source {
    const opened = new Opened<unknown>(settings, (error) => {
      // A failure at start is reported by the StartError.
      if (resource.state !== "starting") this.#options.onError(error, settings.name);
    });
    const resource: Resource = { settings, opened, calls: new Set(), state: "new" };
    const source: Source = (call, ctx) =>
      hold(resource, async () => {
        const it = await this.#get(resource);
        ctx.signal.throwIfAborted();
        return await settings.source(call, ctx, it);
      });
    this.#all.set(source, resource);
    return source;
  }

  /**
   * Opens the new resources with `openAt: "start"` concurrently, each within its upstream's timeout.
   * @throws {StartError} that names each upstream that failed, and why
   */
  async openAtStart(): Promise<void> {
    const failures: string[] = [];
    const openings = [...this.#all.values()]
      .filter(({ state, settings: { openAt } }) => state === "new" && openAt === "start");
    await Promise.all(openings.map(async (resource) => {
      const { settings: { name, timeoutMs } } = resource;
      const late = () => new Error(`not done within ${timeoutMs} ms`);
      resource.state = "starting";
      try {
        await within(this.#get(resource), timeoutMs, this.#options.clock, late);
        // Otherwise it was already stopped.
        if (resource.state === "starting") resource.state = "running";
      } catch (error) {
        failures.push(`upstreams.${name} cannot be opened: ${reasonOf(error)}`);
      }
    }));
    if (failures.length > 0) throw new StartError(failures.join("\n"));
  }

  /**
   * Closes resources, the last opened first, even if others fail to close. One that is being opened
   * is closed as soon as it is open.
   * @param sources whose (default: all)
   */
  async close(sources: Iterable<Source> = this.#all.keys()): Promise<void> {
    const closing = new Set<Resource>();
    for (const source of sources) {
      const resource = this.#all.get(source);
      if (resource === undefined) continue;
      this.#all.delete(source);
      resource.state = "closing";
      closing.add(resource);
    }
    if (closing.size === 0) return;
    const { clock, lingerMs } = this.#options;
    const calls = [...closing].flatMap(({ calls }) => [...calls]);
    // An abandoned call may still be rolling back.
    await within(Promise.allSettled(calls), lingerMs, clock, () => new Error("it lingers"))
      .catch(() => {});
    const open = [...this.#open].filter((resource) => closing.has(resource));
    for (const resource of open.reverse()) await this.#close(resource);
    await Promise.all([...closing].map((resource) => this.#close(resource)));
  }

  async #get(resource: Resource): Promise<unknown> {
    if (resource.state === "closing" || resource.state === "closed") {
      throw new GatewayError("upstream-unreachable", "the gateway is stopping");
    }
    const it = await resource.opened.get();
    // Its opening may have taken longer than its end.
    if (!isClosed(resource)) this.#open.add(resource);
    return it;
  }

  async #close(resource: Resource): Promise<void> {
    try {
      await resource.opened.close();
    } catch (error) {
      this.#options.onError(error, resource.settings.name);
    }
    resource.state = "closed";
    this.#open.delete(resource);
  }
}

function isClosed({ state }: Resource): boolean {
  return state === "closed";
}

async function hold({ calls }: Resource, run: () => Promise<Reply>): Promise<Reply> {
  const call = run();
  calls.add(call);
  try {
    return await call;
  } finally {
    calls.delete(call);
  }
}

/** Returns the cause of a failure, for the operator. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
