import type { Clock } from "./clock.ts";
import { GatewayError } from "./errors.ts";
import { Scope } from "./scope.ts";

/** Work that outlives the answer on purpose. It must end when its signal aborts. */
export type BackgroundTask = (signal: AbortSignal) => Promise<unknown>;

/** What the set needs from outside. */
export interface BackgroundOptions {
  readonly clock: Clock;
  /** How long one task may take (ms). */
  readonly taskTimeoutMs: number;
  /** Told of a task that failed. */
  readonly onError: (error: unknown) => void;
}

/** Holds all work that outlives its answer, so that shutdown can wait for it. */
export class Background {
  readonly #options: BackgroundOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** How many tasks run now. */
  get size(): number {
    return this.#running.size;
  }

  /** Starts a task with a deadline of its own; its failure reaches the log and nobody else. */
  run(task: BackgroundTask): void {
    const running = this.#attempt(task).catch(this.#options.onError);
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }

  /** Resolves when everything has ended. What still runs when `signal` aborts is aborted too. */
  async drain(signal: AbortSignal): Promise<void> {
    const stop = () => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    while (this.#running.size > 0) await Promise.all(this.#running);
    signal.removeEventListener("abort", stop);
  }

  async #attempt(task: BackgroundTask): Promise<void> {
    const { clock, taskTimeoutMs } = this.#options;
    using scope = new Scope(this.#stop.signal);
    scope.cancelAfter(
      taskTimeoutMs,
      clock,
      () => new GatewayError("deadline-exceeded", "a background task took too long"),
    );
    await task(scope.signal);
  }
}
