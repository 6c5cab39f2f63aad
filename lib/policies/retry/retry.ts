import { BodyTooLarge } from "../../core/body.ts";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { retryAfterSeconds } from "../../http/retry_after.ts";
import type { RetryBudget } from "./retry_budget.ts";
import { type Backoff, retryDelayMs } from "./retry_delay.ts";
import type { Context, Policy, Reply } from "../../core/source.ts";

/** When a call is made again. */
export interface RetryOptions extends Backoff {
  /** How often a call is made at most, the first time included. */
  readonly attempts: number;
  /** Which methods may be called again. */
  readonly methods: ReadonlySet<string>;
  /** How many of an upstream's calls may be made again; shared by all that ask it. */
  readonly budget: RetryBudget;
  readonly clock: Clock;
  readonly random: Random;
}

/** Answers that may be better in a moment. */
const TRANSIENT_STATUS = new Set([429, 500, 502, 503, 504]);

/**
 * Makes a call again that failed for want of a better moment, after a random wait, or as long as
 * `Retry-After` says. A retry is not begun that could not begin before the deadline, or that the
 * upstream's budget does not allow: what the last attempt came to is then what the call comes to.
 */
export function retry(options: RetryOptions): Policy {
  const { attempts, methods, budget } = options;
  return (next) =>
    async function retry(call, ctx) {
      budget.deposit();
      const most = methods.has(call.method) ? attempts : 1;
      for (let attempt = 1;; attempt++) {
        try {
          const reply = await next(call, ctx);
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
 * Waits until the call may be made again; false, and at once, when it may not.
 * Who leaves in the wait gives the retry back that was not made.
 * @param reply what the attempt came to, unless it failed; let go of before the wait
 */
async function pause(
  attempt: number,
  reply: Reply | undefined,
  ctx: Context,
  { budget, clock, random, ...backoff }: RetryOptions,
): Promise<boolean> {
  const leastMs = reply ? (retryAfterSeconds(reply.headers, clock) ?? 0) * 1000 : 0;
  const delayMs = Math.max(leastMs, retryDelayMs(attempt, backoff, random));
  const now = clock.monotonic();
  if (now + delayMs >= ctx.deadline || !budget.withdraw(now)) return false;
  try {
    await reply?.body.cancel();
    await clock.sleep(delayMs, ctx.signal);
  } catch (left) {
    budget.giveBack(now);
    throw left;
  }
  return true;
}

/** A body that broke off may be whole the next time; one that is too large will be so again. */
function isTransient(error: unknown): boolean {
  if (!(error instanceof GatewayError)) return false;
  const { kind, cause } = error;
  if (kind === "upstream-invalid") return !(cause instanceof BodyTooLarge);
  return kind === "upstream-unreachable" || kind === "upstream-timeout";
}
