import type { Client, Context } from "../core/source.ts";

/** One who waits for a flight to end. */
interface Waiter<T> {
  readonly signal: AbortSignal;
  readonly deadline: number;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
  readonly leave: () => void;
}

/**
 * Work under way, and those who wait for what it comes to. It goes on as long as somebody waits;
 * each waits only as long as its own request may take.
 */
export class SingleFlight<T> {
  /** Who asked for it first. */
  readonly client: Client;
  readonly #controller = new AbortController();
  readonly #waiters = new Set<Waiter<T>>();
  readonly #onOver: () => void;
  /** A field that is written to, where a getter would say more: it costs half a microsecond. */
  readonly #ctx: Context & { deadline: number };
  /** The one that left last, before there was an answer. */
  #last: Waiter<T> | undefined;

  /** @param onOver is told when nobody can join any more */
  constructor({ client, trace, background, buffers }: Context, onOver: () => void) {
    this.client = client;
    this.#onOver = onOver;
    const { signal } = this.#controller;
    this.#ctx = { signal, deadline: -Infinity, client, trace, background, buffers };
  }

  /** Waits for the end. It rejects with the signal's reason when that aborts first. */
  join({ signal, deadline }: Context): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const passenger = { signal, deadline, resolve, reject, leave: () => this.#leave(passenger) };
    this.#waiters.add(passenger);
    this.#ctx.deadline = Math.max(this.#ctx.deadline, deadline);
    signal.addEventListener("abort", passenger.leave, { once: true });
    return promise;
  }

  /** Does the work, once somebody has joined. Its deadline is the latest of those who wait. */
  async run(work: (ctx: Context) => Promise<T>): Promise<void> {
    try {
      const value = await work(this.#ctx);
      this.#end(({ resolve }) => resolve(value));
    } catch (error) {
      this.#end(({ reject }) => reject(error));
    }
  }

  #leave(passenger: Waiter<T>): void {
    const { signal, reject } = passenger;
    this.#waiters.delete(passenger);
    if (this.#waiters.size > 0) {
      if (passenger.deadline === this.#ctx.deadline) this.#ctx.deadline = this.#latestDeadline();
      reject(signal.reason);
    } else {
      this.#last = passenger;
      this.#onOver();
      this.#controller.abort(signal.reason);
    }
  }

  #latestDeadline(): number {
    const last = this.#ctx.deadline;
    let latest = -Infinity;
    for (const { deadline } of this.#waiters) {
      if (deadline === last) return last; // most of them have the same one
      latest = Math.max(latest, deadline);
    }
    return latest;
  }

  #end(tell: (passenger: Waiter<T>) => void): void {
    if (this.#last) return this.#last.reject(this.#last.signal.reason);
    this.#onOver();
    for (const passenger of this.#waiters) {
      passenger.signal.removeEventListener("abort", passenger.leave);
      tell(passenger);
    }
  }
}
