import type { Clock } from "./clock.ts";
import { GatewayError } from "./errors.ts";
import { platformSignal, Scope } from "./scope.ts";

/** Work that continues after the response. It must end when its signal aborts. */
export type BackgroundTask = (signal: AbortSignal) => Promise<unknown>;

/** Options of {@linkcode Background}. */
export interface BackgroundOptions {
  readonly clock: Clock;
  /** Time limit for one task (ms). */
  readonly taskTimeoutMs: number;
  /** Called with the error of a task that failed. */
  readonly onError: (error: unknown) => void;
}

/** Tracks work that continues after the response, so that shutdown can wait for it. */
export class Background {
  readonly #options: BackgroundOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** The number of running tasks. */
  get size(): number {
    return this.#running.size;
  }

  /** Starts a task with its own time limit; an error is only reported to `onError`. */
  run(task: BackgroundTask): void {
    const running = this.#attempt(task).catch(this.#options.onError);
    this.#running.add(running);
    running.finally(() => this.#running.delete(running));
  }

  /**
   * Resolves when every task has ended. Tasks that still run when `signal` aborts are aborted too.
   */
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
    await task(platformSignal(scope));
  }
}
