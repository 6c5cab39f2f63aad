import { Background } from "../core/background.ts";
import type { Clock } from "../core/clock.ts";
import { Shutdown } from "./shutdown.ts";

/** A gateway that can be replaced. */
export interface Replaceable {
  /** Resolves when no request is in flight. */
  readonly idle: () => Promise<void>;
}

/** What ends with a gateway. */
export interface Ending {
  readonly shutdown: Shutdown;
  readonly background: Background;
  /** Disposed of after the last request and its background work, the newest entry first. */
  readonly closing: AsyncDisposableStack;
}

/** Dependencies of {@linkcode Generations}. */
export interface GenerationsOptions {
  readonly clock: Clock;
  /** Time limit for one background task (ms). */
  readonly backgroundMs: number;
  /** Called with the error of background work, or of what a gateway could not close. */
  readonly onError: (error: unknown) => void;
}

/**
 * The gateway of the current config, and those of earlier ones that still have requests in flight.
 *
 * A reload replaces a gateway as a whole: a request belongs to the gateway that accepted it, to its
 * end, so none is answered by half of each config. A gateway that was replaced ends after its last
 * request, and the background work of that.
 */
export class Generations<Gateway extends Replaceable> {
  readonly #options: GenerationsOptions;
  /** The current one, those before it with requests in flight, and one that is being opened. */
  readonly #all = new Set<Generation>();
  readonly #cutOff = new AbortController();
  #current: { readonly gateway: Gateway; readonly generation: Generation } | undefined;
  #isEnding = false;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** Whether a gateway accepts requests. */
  get isOpen(): boolean {
    return this.#current !== undefined;
  }

  /** The gateway that accepts requests. */
  get current(): Gateway {
    if (this.#current === undefined) throw new Error("no gateway is open");
    return this.#current.gateway;
  }

  /** How many there are: more than one while replaced gateways have requests in flight. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * Replaces the current gateway by a new one.
   * @param open builds the new gateway, and resolves when it is ready for requests; when it rejects,
   * the current one stays
   */
  async replace(open: (ending: Ending) => Promise<Gateway>): Promise<void> {
    const generation = new Generation(this.#options);
    this.#all.add(generation);
    try {
      const gateway = await open(generation);
      if (this.#isEnding) throw new Error("the gateway is stopping");
      generation.idle = gateway.idle;
      const replaced = this.#current;
      this.#current = { gateway, generation };
      if (replaced) replaced.gateway.idle().then(() => this.#remove(replaced.generation));
    } catch (error) {
      this.#remove(generation);
      throw error;
    }
  }

  /** Begins the shutdown. @param graceMs how long requests in flight, and later ones, may still take */
  beginShutdown(graceMs: number): void {
    this.#isEnding = true;
    for (const { shutdown } of this.#all) shutdown.begin(graceMs);
  }

  /** Resolves when no gateway has a request in flight; to be called when no more come. */
  async idle(): Promise<void> {
    await Promise.all([...this.#all].map(({ idle }) => idle?.()));
  }

  /** Closes all gateways, after their background work. @param cutOff aborts that work */
  async close(cutOff: AbortSignal): Promise<void> {
    this.#isEnding = true;
    const abort = () => this.#cutOff.abort(cutOff.reason);
    cutOff.addEventListener("abort", abort, { once: true });
    if (cutOff.aborted) abort();
    await Promise.all([...this.#all].map((generation) => this.#close(generation)));
    cutOff.removeEventListener("abort", abort);
  }

  /** Cuts off and logs what is still in flight. @returns how many requests */
  end(): number {
    return [...this.#all].reduce((count, { shutdown }) => count + shutdown.end(), 0);
  }

  async #close(generation: Generation): Promise<void> {
    try {
      await generation.close(this.#cutOff.signal);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #remove(generation: Generation): Promise<void> {
    await this.#close(generation);
    this.#all.delete(generation);
  }
}

/** What ends together with one gateway. */
class Generation implements Ending {
  readonly shutdown: Shutdown;
  readonly background: Background;
  readonly closing = new AsyncDisposableStack();
  /** Set once its gateway is open. */
  idle: Replaceable["idle"] | undefined;
  #closed: Promise<void> | undefined;

  constructor({ clock, backgroundMs: taskTimeoutMs, onError }: GenerationsOptions) {
    this.shutdown = new Shutdown(clock);
    this.background = new Background({ clock, taskTimeoutMs, onError });
  }

  /** Closes it once, after its background work. */
  close(cutOff: AbortSignal): Promise<void> {
    return this.#closed ??= this.background.drain(cutOff).then(() => this.closing.disposeAsync());
  }
}
