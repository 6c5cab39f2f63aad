import { isRepeatable } from "../../core/is_repeatable.ts";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { Scope } from "../../core/scope.ts";
import type { Call, Context, Policy, Reply, Source } from "../../core/source.ts";
import type { Timer, TimerQueue } from "../../core/timer_queue.ts";
import { TRANSIENT_STATUS } from "../../http/transient_status.ts";
import type { HedgeBudget } from "./hedge_budget.ts";
import type { HedgeDelay } from "./hedge_delay.ts";

/** Which calls to hedge, and when. */
export interface HedgeOptions {
  /** The upstream's delay, shared by all of its callers. */
  readonly delay: HedgeDelay;
  /** The upstream's hedge budget, shared by all of its callers. */
  readonly budget: HedgeBudget;
  /** The upstream's retry budget, which hedges share with retries. */
  readonly retryBudget: {
    deposit(isOptional?: boolean): void;
    withdraw(now: number, isOptional?: boolean): boolean;
  };
  /** Whether calls are counted in the retry budget here, because no retry policy counts them. */
  readonly countsCalls: boolean;
  /** The methods that may be hedged. */
  readonly methods: ReadonlySet<string>;
  /** Whether the upstream has several targets, of which the second call prefers another (default false). */
  readonly hasTargets?: boolean;
  readonly clock: Clock;
}

/**
 * Makes a second call when the first is slow, and returns the first good reply (Dean and Barroso, The
 * Tail at Scale, 2013). The other call is cancelled at once. A call that fails does not end the whole
 * while the other runs; when both fail, the outcome is the first call's.
 *
 * At most one hedge a call, within the share of the upstream's calls and within the retry budget: when
 * all calls are slow, hedges would only make it worse.
 */
export function hedge(options: HedgeOptions): Policy {
  const { budget, retryBudget, countsCalls, methods } = options;
  return (next) =>
    function hedge(call, ctx) {
      if (countsCalls) retryBudget.deposit(ctx.isOptional);
      budget.deposit();
      const isWhole = call.body?.isWhole ?? true;
      if (!isWhole || !isRepeatable(call, methods)) return next(call, ctx);
      const first = new FirstCall(call, ctx, next, options);
      return next(call, first.inner).then(
        (reply) => first.ended(reply, undefined),
        (error) => first.ended(undefined, error),
      );
    };
}

/** A call that may be hedged: the signal that ends it, and the timer after which it is. */
class FirstCall extends Scope implements Timer {
  due = 0;
  isSet = false;
  earlier: Timer | undefined;
  later: Timer | undefined;
  /** The context of the first call. Both calls note which targets they tried in one list. */
  readonly inner: Context;
  readonly #call: Call;
  readonly #ctx: Context;
  readonly #next: Source;
  readonly #options: HedgeOptions;
  readonly #startedAt: number;
  readonly #timers: TimerQueue | undefined;
  /** The second call, once it was made. */
  #hedge: Hedge | undefined;

  constructor(call: Call, ctx: Context, next: Source, options: HedgeOptions) {
    super(ctx.signal);
    this.#call = call;
    this.#ctx = ctx;
    const tried = ctx.tried ?? (options.hasTargets ? [] : undefined);
    this.inner = { ...ctx, signal: this, tried };
    this.#next = next;
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#timers = options.delay.timers();
    this.#timers?.start(this, this.#startedAt);
  }

  ring(): void {
    const { budget, retryBudget, clock } = this.#options;
    const { isOptional = false, trace: { partsRunning = 1 } } = this.#ctx;
    if (this.aborted || !budget.withdraw(!isOptional && partsRunning <= 1)) return;
    if (!retryBudget.withdraw(clock.monotonic(), isOptional)) return budget.giveBack();
    this.#hedge = new Hedge(this.#ctx.signal, this);
    this.#hedge.start(
      this.#next(this.#call, { ...this.inner, signal: this.#hedge, isHedge: true }),
    );
  }

  /**
   * The outcome of the whole, once this call has ended.
   * @param reply undefined if it failed, or was cancelled
   */
  ended(reply: Reply | undefined, error: unknown): Reply | Promise<Reply> {
    const { delay, clock } = this.#options;
    this.#timers?.stop(this);
    this[Symbol.dispose]();
    if (delay.isObserved && !this.#ctx.signal.aborted && isLatency(reply, error)) {
      delay.observe(clock.monotonic() - this.#startedAt);
    }
    if (this.#hedge) return this.#hedge.outcome(reply, error);
    if (reply) return reply;
    throw error;
  }
}

/** The second call, which cancels the first when it has a good reply before it. */
class Hedge extends Scope {
  readonly #first: Scope;
  #reply: Reply | undefined;
  #ended: Promise<void> | undefined;

  constructor(parent: AbortSignal, first: Scope) {
    super(parent);
    this.#first = first;
  }

  start(calling: Promise<Reply>): void {
    this.#ended = calling.then((reply) => {
      this.#reply = reply;
      if (isGood(reply)) this.#first.cancel(notNeeded());
    }, () => {});
  }

  /**
   * The outcome of both calls, once the first has ended and this one, too.
   * @param reply the first call's; undefined if it failed, or was cancelled
   */
  async outcome(reply: Reply | undefined, error: unknown): Promise<Reply> {
    if (reply && isGood(reply)) this.cancel(notNeeded());
    await this.#ended;
    this[Symbol.dispose]();
    const own = this.#reply;
    if (own && (!reply || (isGood(own) && !isGood(reply)))) {
      await reply?.body.cancel();
      return own;
    }
    await own?.body.cancel();
    if (reply) return reply;
    throw error;
  }
}

function isGood({ status }: Reply): boolean {
  return !TRANSIENT_STATUS.has(status);
}

/** Whether the time of a call tells how slow the upstream is: not if it failed fast. */
function isLatency(reply: Reply | undefined, error: unknown): boolean {
  if (reply) return isGood(reply);
  if (!(error instanceof GatewayError)) return false;
  return error.kind === "upstream-timeout" || error.kind === "cancelled";
}

function notNeeded(): GatewayError {
  return new GatewayError("cancelled", "another call replied first");
}
