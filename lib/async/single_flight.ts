import { GatewayError } from "../core/errors.ts";
import { GaveWay } from "../core/gave_way.ts";
import { Dependent, Scope } from "../core/scope.ts";
import type { Client, Context } from "../core/source.ts";

/**
 * One piece of work whose result several callers share.
 *
 * The work belongs to all of its waiters and to none of them: if it ran under the first caller's
 * signal and deadline, that client's disconnect, or its short deadline, would fail the others. So it
 * has a signal of its own, which aborts only when the last waiter has left, its deadline is the latest
 * of its waiters', and it is optional only if it is for all of them. Each waiter still leaves on time
 * when its own signal aborts.
 *
 * It is itself the signal of the work, and knows the work itself: one object a call, where a signal, a
 * closure for the work and one for its end would make four.
 */
export abstract class SingleFlight<T> extends Scope {
  /** The client of the first caller. */
  readonly client: Client;
  /** Nearly all work has one waiter: a set is made for the second. */
  #only: Waiter<T> | undefined;
  #several: Set<Waiter<T>> | undefined;
  /** Fields of it are overwritten: a getter would cost half a microsecond a call. */
  readonly #ctx: Context & { deadline: number; isOptional: boolean };
  /** The last waiter to leave before there was a result. */
  #last: Waiter<T> | undefined;

  constructor({ client, trace, span, background, buffers }: Context) {
    super();
    this.client = client;
    const deadline = -Infinity;
    this.#ctx = {
      signal: this,
      deadline,
      client,
      trace,
      span,
      background,
      isOptional: true,
      buffers,
    };
  }

  /** Does the work. */
  protected abstract work(ctx: Context): Promise<T>;

  /** Called once, when no further waiter can join. */
  protected abstract over(): void;

  /** Waits for the result. It rejects with the signal's reason when that aborts first. */
  join({ signal, deadline, isOptional = false }: Context): Promise<T> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(signal, deadline, resolve, reject, this);
      if (this.#several) this.#several.add(waiter);
      else if (this.#only) this.#several = new Set([this.#only, waiter]);
      else this.#only = waiter;
      this.#ctx.deadline = Math.max(this.#ctx.deadline, deadline);
      this.#ctx.isOptional &&= isOptional;
    });
  }

  /** Starts the work, which settles all waiters. At least one must have joined. */
  run(): void {
    let working: Promise<T>;
    try {
      working = this.work(this.#ctx);
    } catch (error) {
      return this.#fail(error);
    }
    working.then(
      (value) => this.#end((waiter) => waiter.resolve(value)),
      (error) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    // A required caller has joined work that was not done because it was optional.
    if (isOptionalOnly(error) && !this.#ctx.isOptional && !this.#last) return this.run();
    this.#end((waiter) => waiter.reject(error));
  }

  #waiters(): Iterable<Waiter<T>> {
    return this.#several ?? (this.#only ? [this.#only] : []);
  }

  /** @internal Lets a waiter whose signal has aborted go. */
  leave(waiter: Waiter<T>): void {
    this.#several?.delete(waiter);
    if (this.#several && this.#several.size > 0) {
      if (waiter.deadline === this.#ctx.deadline) this.#ctx.deadline = this.#latestDeadline();
      waiter.reject(waiter.signal.reason);
    } else {
      this.#last = waiter;
      this.over();
      this.cancel(waiter.signal.reason);
    }
  }

  #latestDeadline(): number {
    const last = this.#ctx.deadline;
    let latest = -Infinity;
    for (const { deadline } of this.#waiters()) {
      if (deadline === last) return last; // most waiters have the same one
      latest = Math.max(latest, deadline);
    }
    return latest;
  }

  #end(settle: (waiter: Waiter<T>) => void): void {
    if (this.#last) return this.#last.reject(this.#last.signal.reason);
    this.over();
    for (const waiter of this.#waiters()) {
      waiter.unfollow();
      settle(waiter);
    }
  }
}

function isOptionalOnly(error: unknown): boolean {
  return error instanceof GatewayError && error.cause instanceof GaveWay;
}

/** A caller that waits for the result. */
class Waiter<T> extends Dependent {
  constructor(
    readonly signal: AbortSignal,
    readonly deadline: number,
    readonly resolve: (value: T) => void,
    readonly reject: (reason: unknown) => void,
    readonly flight: SingleFlight<T>,
  ) {
    super();
    this.follow(signal);
  }

  followedAborted(): void {
    this.flight.leave(this);
  }
}
