import { BodyTooLarge } from "../../core/body.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { isRepeatable } from "../../core/is_repeatable.ts";
import { retryAfterSeconds } from "../../http/retry_after.ts";
import { TRANSIENT_STATUS } from "../../http/transient_status.ts";
import type { WaitRecorder } from "../../observe/wait_recorder.ts";
import type { RetryBudget } from "./retry_budget.ts";
import { type Backoff, retryDelayMs } from "./retry_delay.ts";
import type { Context, Policy, Reply } from "../../core/source.ts";

/** Which calls to retry, and how often. */
export interface RetryOptions extends Backoff {
  /** Maximum attempts, including the first. */
  readonly attempts: number;
  /** The methods that may be retried. */
  readonly methods: ReadonlySet<string>;
  /** The upstream's retry budget, shared by all of its callers. */
  readonly budget: RetryBudget;
  /** The upstream's targets, if it can have several: a retry prefers one that was not tried. */
  readonly targets?: { hasOther(tried: readonly object[]): boolean } | undefined;
  readonly clock: Clock;
  /** Records waits before retries; absent while nobody observes. */
  readonly waits?: WaitRecorder | undefined;
  readonly random: Random;
}

/**
 * Retries transient failures, after exponential backoff with jitter, or after `Retry-After` if that is
 * longer and no other target is free. No retry is made that could not start before the deadline, or that the upstream's budget
 * does not allow, which is smaller for optional parts: the result is then that of the last attempt.
 */
export function retry(options: RetryOptions): Policy {
  const { attempts, methods, budget, targets } = options;
  return (next) =>
    async function retry(call, outer) {
      budget.deposit(outer.isOptional);
      const most = isRepeatable(call, methods) ? attempts : 1;
      const ctx = targets && most > 1 ? { ...outer, tried: [] } : outer;
      for (let attempt = 1;; attempt++) {
        try {
          const reply = await next(call, attempt === 1 ? ctx : numbered(ctx, attempt));
          if (attempt >= most || !TRANSIENT_STATUS.has(reply.status)) return reply;
          if (!await pause(attempt, reply, ctx, options)) return reply;
        } catch (error) {
          if (attempt >= most || !isTransient(error)) throw error;
          if (!await pause(attempt, undefined, ctx, options)) throw error;
        }
      }
    };
}

/**
 * Waits for the next attempt; false, without a wait, when there must be none. A wait that is aborted
 * returns its retry to the budget.
 * @param reply the attempt's reply, if it has one; its body is cancelled before the wait
 */
async function pause(
  attempt: number,
  reply: Reply | undefined,
  ctx: Context,
  { budget, targets, clock, waits, random, ...backoff }: RetryOptions,
): Promise<boolean> {
  const isAsked = reply !== undefined && !targets?.hasOther(ctx.tried ?? []);
  const leastMs = isAsked ? (retryAfterSeconds(reply.headers, clock) ?? 0) * 1000 : 0;
  const delayMs = Math.max(leastMs, retryDelayMs(attempt, backoff, random));
  const now = clock.monotonic();
  if (now + delayMs >= ctx.deadline || !budget.withdraw(now, ctx.isOptional)) return false;
  try {
    await reply?.body.cancel();
    const sleep = clock.sleep(delayMs, ctx.signal);
    await (waits?.time(sleep, ctx) ?? sleep);
  } catch (left) {
    budget.giveBack(now);
    throw left;
  }
  return true;
}

/** The context of a further attempt. Whether it is optional, and when it is due, may still change. */
function numbered(ctx: Context, attempt: number): Context {
  return {
    ...ctx,
    attempt,
    get deadline() {
      return ctx.deadline;
    },
    get isOptional() {
      return ctx.isOptional;
    },
  };
}

/** A body that broke off may be complete the next time; one that is too large stays too large. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  const { kind, cause } = error;
  if (kind === "upstream-invalid") return !(cause instanceof BodyTooLarge);
  return kind === "upstream-unreachable" || kind === "upstream-timeout";
}
