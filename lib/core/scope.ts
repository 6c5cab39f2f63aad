import type { Clock } from "./clock.ts";

/** The reason to stop a timer early; a constant, so that no stack is captured. */
const DISPOSED = Symbol("disposed");

/**
 * Structured cancellation: a scope aborts with its parent, or earlier when it is cancelled, and so
 * does everything that is started with its signal.
 *
 * Leaving a `using` block unlinks the scope from its parent and stops its timer, so that a
 * long-lived signal does not retain finished calls. Unlinking does not abort.
 */
export class Scope implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow: () => void;
  #timer: AbortController | undefined;

  /** @param reason the abort reason when the parent aborts (default: the parent's reason) */
  constructor(parent: AbortSignal, reason: () => unknown = () => parent.reason) {
    this.#parent = parent;
    this.#follow = () => this.#controller.abort(reason());
    if (parent.aborted) this.#follow();
    else parent.addEventListener("abort", this.#follow, { once: true });
  }

  /** Aborts with the parent, or when the scope is cancelled. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts now; only the first reason counts. */
  cancel(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** Aborts in `ms` milliseconds, unless the scope is left before. */
  cancelAfter(ms: number, clock: Clock, reason: () => Error): void {
    this.#timer = new AbortController();
    clock.sleep(ms, this.#timer.signal).then(() => this.cancel(reason()), () => {});
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#follow);
    this.#timer?.abort(DISPOSED);
  }
}
