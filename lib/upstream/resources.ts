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

/** The open resources of function sources, so that shutdown can close them. */
export class Resources {
  readonly #options: ResourcesOptions;
  readonly #all = new Map<Opened<unknown>, OpenedUpstreamSettings>();
  /** In the order of opening. */
  readonly #open = new Set<Opened<unknown>>();
  /** Calls that have not settled, including abandoned ones. */
  readonly #calls = new Set<Promise<Reply>>();
  #state: "starting" | "running" | "closing" = "running";

  constructor(options: ResourcesOptions) {
    this.#options = options;
  }

  /** Returns the source of an upstream, which opens its resource at the first call. */
  source(settings: OpenedUpstreamSettings): Source {
    const opened = new Opened<unknown>(settings, (error) => {
      // A failure at start is reported by the StartError.
      if (this.#state !== "starting") this.#options.onError(error, settings.name);
    });
    this.#all.set(opened, settings);
    return (call, ctx) =>
      this.#hold(async () => {
        const it = await this.#get(opened);
        ctx.signal.throwIfAborted();
        return await settings.source(call, ctx, it);
      });
  }

  /**
   * Opens the resources with `openAt: "start"` concurrently, each within its upstream's timeout.
   * @throws {StartError} that names each upstream that failed, and why
   */
  async openAtStart(): Promise<void> {
    this.#state = "starting";
    const failures: string[] = [];
    const openings = [...this.#all].filter(([, { openAt }]) => openAt === "start");
    await Promise.all(openings.map(async ([opened, { name, timeoutMs }]) => {
      const late = () => new Error(`not done within ${timeoutMs} ms`);
      try {
        await within(this.#get(opened), timeoutMs, this.#options.clock, late);
      } catch (error) {
        failures.push(`upstreams.${name} cannot be opened: ${reasonOf(error)}`);
      }
    }));
    if (failures.length > 0) throw new StartError(failures.join("\n"));
    if (this.#state === "starting") this.#state = "running"; // otherwise it was already stopped
  }

  /**
   * Closes every resource, the last opened first, even if others fail to close. A resource that is
   * being opened is closed as soon as it is open.
   */
  async close(): Promise<void> {
    this.#state = "closing";
    const { clock, lingerMs } = this.#options;
    // An abandoned call may still be rolling back.
    await within(Promise.allSettled(this.#calls), lingerMs, clock, () => new Error("it lingers"))
      .catch(() => {});
    for (const opened of [...this.#open].reverse()) await this.#close(opened);
    await Promise.all([...this.#all.keys()].map((opened) => this.#close(opened)));
  }

  async #get(opened: Opened<unknown>): Promise<unknown> {
    if (this.#state === "closing") {
      throw new GatewayError("upstream-unreachable", "the gateway is stopping");
    }
    const it = await opened.get();
    this.#open.add(opened);
    return it;
  }

  async #close(opened: Opened<unknown>): Promise<void> {
    try {
      await opened.close();
    } catch (error) {
      this.#options.onError(error, this.#all.get(opened)?.name ?? "");
    }
  }

  async #hold(run: () => Promise<Reply>): Promise<Reply> {
    const call = run();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }
}

/** Returns the cause of a failure, for the operator. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
