import type { Clock } from "./clock.ts";

/** The reason to stop a timer early; a constant, so that no stack is captured. */
const DISPOSED = Symbol("disposed");

/**
 * Something that is told once when a signal aborts. It is itself the entry in the signal's list, so
 * following a {@linkcode Scope} allocates nothing.
 */
export abstract class Dependent {
  /** @internal Its neighbours in the list of the scope that it follows. */
  before: Dependent | undefined;
  /** @internal */
  after: Dependent | undefined;
  /** @internal */
  followed: Scope | AbortSignal | undefined;
  #listener: (() => void) | undefined;

  /** Called when the followed signal aborts; it is then no longer followed. */
  abstract followedAborted(reason: unknown): void;

  /** Starts to follow a signal, which must not have aborted; it follows one at a time. */
  follow(signal: AbortSignal): void {
    this.followed = signal;
    if (signal instanceof Scope) return signal.add(this);
    this.#listener = () => {
      this.unfollow();
      this.followedAborted(signal.reason);
    };
    signal.addEventListener("abort", this.#listener, { once: true });
  }

  /** Stops to follow; does nothing if it does not follow a signal. */
  unfollow(): void {
    const { followed } = this;
    if (followed === undefined) return;
    this.followed = undefined;
    if (followed instanceof Scope) followed.remove(this);
    else if (this.#listener) followed.removeEventListener("abort", this.#listener);
  }
}

/** A listener for those that use a scope as an AbortSignal. */
class Listener extends Dependent {
  constructor(readonly listener: EventListenerOrEventListenerObject) {
    super();
  }

  followedAborted(): void {
    const event = new Event("abort");
    if (typeof this.listener === "function") this.listener(event);
    else this.listener.handleEvent(event);
  }
}

/**
 * Structured cancellation: a scope aborts with its parent, or earlier when it is cancelled, and so
 * does everything that follows it.
 *
 * It is its own signal, with the API of an AbortSignal at a tenth of the cost: each call has several.
 * Platform functions accept only real ones, which {@linkcode platformSignal} returns.
 *
 * Leaving a `using` block unlinks the scope from its parent and stops its timer, so that a
 * long-lived signal does not retain finished calls. Unlinking does not abort.
 */
export class Scope extends Dependent implements AbortSignal, Disposable {
  #first: Dependent | undefined;
  #last: Dependent | undefined;
  #isAborted = false;
  #reason: unknown;
  #reasonOf: (() => unknown) | undefined;
  #timer: AbortController | undefined;
  #platform: AbortController | undefined;

  /** @param reasonOf makes the abort reason when the parent aborts (default: the parent's reason) */
  constructor(parent?: AbortSignal, reasonOf?: () => unknown) {
    super();
    this.#reasonOf = reasonOf;
    if (parent?.aborted) this.followedAborted(parent.reason);
    else if (parent) this.follow(parent);
  }

  /** Aborts with the parent, or when the scope is cancelled. */
  get signal(): AbortSignal {
    return this;
  }

  /** Whether it has aborted. */
  get aborted(): boolean {
    return this.#isAborted;
  }

  /** Why it has aborted. */
  get reason(): unknown {
    return this.#reason;
  }

  /** Not supported: always null. */
  get onabort(): null {
    return null;
  }

  /** Throws the reason if it has aborted. */
  throwIfAborted(): void {
    if (this.#isAborted) throw this.#reason;
  }

  /** Aborts now; only the first reason counts. */
  cancel(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.unfollow();
    for (let next = this.#first; next; next = this.#first) {
      next.unfollow();
      next.followedAborted(reason);
    }
  }

  /** Aborts in `ms` milliseconds, unless the scope is left before. */
  cancelAfter(ms: number, clock: Clock, reason: () => Error): void {
    this.#timer = new AbortController();
    clock.sleep(ms, this.#timer.signal).then(() => this.cancel(reason()), () => {});
  }

  /** Aborts with the parent. */
  followedAborted(reason: unknown): void {
    this.cancel(this.#reasonOf ? this.#reasonOf() : reason);
  }

  /** @internal Adds a dependent; see {@linkcode Dependent.follow}. */
  add(dependent: Dependent): void {
    dependent.before = this.#last;
    if (this.#last) this.#last.after = dependent;
    else this.#first = dependent;
    this.#last = dependent;
  }

  /** @internal Removes a dependent; see {@linkcode Dependent.unfollow}. */
  remove(dependent: Dependent): void {
    const { before, after } = dependent;
    if (before) before.after = after;
    else this.#first = after;
    if (after) after.before = before;
    else this.#last = before;
    dependent.before = dependent.after = undefined;
  }

  /** Adds a listener for `abort`; it is called once. */
  addEventListener(_type: string, listener: EventListenerOrEventListenerObject | null): void {
    if (listener && !this.#isAborted) new Listener(listener).follow(this);
  }

  /** Removes a listener. */
  removeEventListener(_type: string, listener: EventListenerOrEventListenerObject | null): void {
    for (let at = this.#first; at; at = at.after) {
      if (at instanceof Listener && at.listener === listener) return at.unfollow();
    }
  }

  /** Not supported. */
  dispatchEvent(): never {
    throw new TypeError("a scope aborts by cancel()");
  }

  /** @internal See {@linkcode platformSignal}. */
  get platform(): AbortSignal {
    if (this.#platform === undefined) {
      const platform = this.#platform = new AbortController();
      if (this.#isAborted) platform.abort(this.#reason);
      else this.addEventListener("abort", () => platform.abort(this.#reason));
    }
    return this.#platform.signal;
  }

  [Symbol.dispose](): void {
    this.unfollow();
    this.#timer?.abort(DISPOSED);
  }
}

/** Returns the signal as a real AbortSignal, for platform functions and for code of the config's. */
export function platformSignal(signal: AbortSignal): AbortSignal {
  return signal instanceof Scope ? signal.platform : signal;
}
