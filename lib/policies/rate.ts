import { GatewayError } from "../core/errors.ts";
import type { Context, Policy } from "../core/source.ts";
import type { BucketShape } from "../limiter/bucket.ts";
import { chargeOf } from "../limiter/bucket_key.ts";
import type { Decision } from "../limiter/limit.ts";
import type { WaitRecorder } from "../observe/wait_recorder.ts";
import type { Limiter } from "../limiter/limiter.ts";

/** How many calls an upstream allows. */
export interface OutboundRate {
  readonly shape: BucketShape;
  /** How long a call may wait for its turn (ms). */
  readonly waitMs: number;
  /** How many calls may wait. */
  readonly queue: number;
}

/** The rate limit of the gateway's own calls to an upstream. */
export interface RateOptions extends OutboundRate {
  /** The upstream's name: all processes that share a store count its calls together. */
  readonly upstream: string;
  readonly limiter: Pick<Limiter, "take">;
  /** Records waits for a call's turn; absent while nobody observes. */
  readonly waits?: WaitRecorder | undefined;
}

/** The limit's name in bucket keys; no limit of a config can have it, for it has a space. */
const NAME = "outbound rate";

const WHOLE = () => true;

/**
 * Limits the rate of calls to an upstream, with the token buckets that clients' limits use: exact over
 * all processes on a store. A call waits for its turn, first come, first served, within `waitMs` and
 * its deadline; otherwise it rejects with `overloaded`, which makes no call. While the store is
 * unavailable, each process counts its own calls.
 */
export function rate({ upstream, limiter, waits, shape, waitMs, queue }: RateOptions): Policy {
  const allowance = { name: NAME, shape, waitMs, queue, onStoreFailure: "local" } as const;
  const limit = { name: NAME, allowance, tiers: new Map(), perRoute: false };
  const subject = `upstream ${upstream}`;
  const charges = [chargeOf({ limit, tier: undefined, route: "", subject }, 1)];
  return (next) =>
    async function rate(call, ctx: Context) {
      ctx.signal.throwIfAborted();
      const taking = limiter.take(charges, ctx);
      const decision = taking instanceof Promise
        ? await (waits?.time(taking, ctx) ?? taking)
        : taking;
      if (decision.outcome !== "admitted") throw rateSpent(decision);
      try {
        return await next(call, ctx);
      } catch (error) {
        // The upstream has not seen a call that found no slot.
        if (error instanceof GatewayError && error.kind === "overloaded") decision.refund(WHOLE);
        throw error;
      }
    };
}

function rateSpent(decision: Exclude<Decision, { outcome: "admitted" }>): GatewayError {
  const waitMs = decision.outcome === "denied" ? decision.retryAfterMs : 0;
  return new GatewayError("overloaded", "the upstream's rate limit is used up", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1000))) },
  });
}
