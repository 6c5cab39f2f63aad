import type { Clock } from "./clock.ts";

/** Why a timer was put away before it rang; a constant, so that no stack is captured for it. */
const DISPOSED = Symbol("disposed");

/**
 * A stretch of work that ends with its parent, or earlier when it is cancelled: the signal that
 * everything started within it listens to.
 *
 * Leaving a `using` block unlinks it from its parent and stops its timer, so a signal that lives
 * long keeps nothing of the calls it has seen. Unlinking does not abort.
 */
export class Scope implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #follow: () => void;
  #timer: AbortController | undefined;

  /** @param reason why it ends when the parent does (default: the parent's own reason) */
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

  /** Ends the work now; the first reason given stays. */
  cancel(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** Ends the work `ms` milliseconds from now, unless the scope is left before. */
  cancelAfter(ms: number, clock: Clock, reason: () => Error): void {
    this.#timer = new AbortController();
    clock.sleep(ms, this.#timer.signal).then(() => this.cancel(reason()), () => {});
  }

  [Symbol.dispose](): void {
    this.#parent.removeEventListener("abort", this.#follow);
    this.#timer?.abort(DISPOSED);
  }
}
