import type { Clock } from "../core/clock.ts";
import type { OpenedSettings, UpstreamSettings } from "../config/upstream.ts";
import { GatewayError } from "../core/errors.ts";
import { Opened } from "./opened.ts";
import type { Reply, Source } from "../core/source.ts";
import { StartError } from "../core/start_error.ts";
import { within } from "../core/within.ts";

/** What the resources need from outside. */
export interface ResourcesOptions {
  readonly clock: Clock;
  /** How long `close` waits for calls that nobody waits for any more (ms). */
  readonly lingerMs: number;
  /** Told why something could not be opened or closed, and for which upstream. */
  readonly onError: (error: unknown, upstream: string) => void;
}

/** An upstream that keeps something open. */
type OpenedUpstreamSettings = Extract<UpstreamSettings, OpenedSettings>;

/** Holds all that function sources keep open, so that shutdown can close it. */
export class Resources {
  readonly #options: ResourcesOptions;
  readonly #all = new Map<Opened<unknown>, OpenedUpstreamSettings>();
  /** In the order in which they were opened. */
  readonly #open = new Set<Opened<unknown>>();
  /** Calls that have not settled, also those that nobody waits for any more. */
  readonly #calls = new Set<Promise<Reply>>();
  #state: "starting" | "running" | "closing" = "running";

  constructor(options: ResourcesOptions) {
    this.#options = options;
  }

  /** The source of an upstream, which opens what it needs when it is first asked. */
  source(settings: OpenedUpstreamSettings): Source {
    const opened = new Opened<unknown>(settings, (error) => {
      // What fails at the start keeps the gateway from starting, which tells it.
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
   * Opens what is to be open before the first call, all at once; each may take its upstream's
   * timeout.
   * @throws {StartError} that names each upstream whose opening failed, and why
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
    if (this.#state === "starting") this.#state = "running"; // else it is stopped already
  }

  /**
   * Closes what is open, the last opened first, each whatever became of the others. What is being
   * opened is closed as soon as it is open.
   */
  async close(): Promise<void> {
    this.#state = "closing";
    const { clock, lingerMs } = this.#options;
    // A call that nobody waits for any more may still be rolling back.
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

  async #hold(ask: () => Promise<Reply>): Promise<Reply> {
    const call = ask();
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }
}

/** What lies behind a failure, in words for whoever starts the gateway. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : reasonOf(error.cause);
}
