import type { Client, Context } from "../core/source.ts";

/** A caller that waits for the result. */
interface Waiter<T> {
  readonly signal: AbortSignal;
  readonly deadline: number;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly leave: () => void;
}

/**
 * One piece of work whose result several callers share.
 *
 * The work belongs to all of its waiters and to none of them: if it ran under the first caller's
 * signal and deadline, that client's disconnect, or its short deadline, would fail the others. So it
 * has a signal of its own, which aborts only when the last waiter has left, and its deadline is the
 * latest of its waiters'. Each waiter still leaves on time when its own signal aborts.
 */
export class SingleFlight<T> {
  /** The client of the first caller. */
  readonly client: Client;
  readonly #controller = new AbortController();
  readonly #waiters = new Set<Waiter<T>>();
  readonly #onOver: () => void;
  /** Its deadline is a field that is overwritten: a getter would cost half a microsecond a call. */
  readonly #ctx: Context & { deadline: number };
  /** The last waiter to leave before there was a result. */
  #last: Waiter<T> | undefined;

  /** @param onOver called once, when no further waiter can join */
  constructor({ client, trace, background, buffers }: Context, onOver: () => void) {
    this.client = client;
    this.#onOver = onOver;
    const { signal } = this.#controller;
    this.#ctx = { signal, deadline: -Infinity, client, trace, background, buffers };
  }

  /** Waits for the result. It rejects with the signal's reason when that aborts first. */
  join({ signal, deadline }: Context): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiter = { signal, deadline, resolve, reject, leave: () => this.#leave(waiter) };
    this.#waiters.add(waiter);
    this.#ctx.deadline = Math.max(this.#ctx.deadline, deadline);
    signal.addEventListener("abort", waiter.leave, { once: true });
    return promise;
  }

  /** Runs the work and settles all waiters. At least one must have joined. */
  async run(work: (ctx: Context) => Promise<T>): Promise<void> {
    try {
      const value = await work(this.#ctx);
      this.#end(({ resolve }) => resolve(value));
    } catch (error) {
      this.#end(({ reject }) => reject(error));
    }
  }

  #leave(waiter: Waiter<T>): void {
    const { signal, reject } = waiter;
    this.#waiters.delete(waiter);
    if (this.#waiters.size > 0) {
      if (waiter.deadline === this.#ctx.deadline) this.#ctx.deadline = this.#latestDeadline();
      reject(signal.reason);
    } else {
      this.#last = waiter;
      this.#onOver();
      this.#controller.abort(signal.reason);
    }
  }

  #latestDeadline(): number {
    const last = this.#ctx.deadline;
    let latest = -Infinity;
    for (const { deadline } of this.#waiters) {
      if (deadline === last) return last; // most waiters have the same one
      latest = Math.max(latest, deadline);
    }
    return latest;
  }

  #end(settle: (waiter: Waiter<T>) => void): void {
    if (this.#last) return this.#last.reject(this.#last.signal.reason);
    this.#onOver();
    for (const waiter of this.#waiters) {
      waiter.signal.removeEventListener("abort", waiter.leave);
      settle(waiter);
    }
  }
}
