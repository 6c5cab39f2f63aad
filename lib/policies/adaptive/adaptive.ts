import type { Clock } from "../../core/clock.ts";
import { GatewayError, type Kind } from "../../core/errors.ts";
import type { Policy } from "../../core/source.ts";
import { TRANSIENT_STATUS } from "../../http/transient_status.ts";
import type { AdaptiveLimit } from "./adaptive_limit.ts";

/** The limit that learns from the calls. */
export interface AdaptiveOptions {
  /** The upstream's limit, shared by all of its callers. */
  readonly limit: AdaptiveLimit;
  readonly clock: Clock;
}

/** How a call fails by the upstream's doing; a call that was no longer needed has not failed. */
const FAILED: ReadonlySet<Kind> = new Set<Kind>([
  "upstream-timeout",
  "deadline-exceeded",
  "upstream-unreachable",
  "upstream-invalid",
]);

/**
 * Tells an adaptive limit how long each call takes. To be placed just within the bulkhead, so that
 * time in its queue does not count.
 */
export function adaptive({ limit, clock }: AdaptiveOptions): Policy {
  return (next) =>
    async function adaptive(call, ctx) {
      const startedAt = clock.monotonic();
      try {
        const reply = await next(call, ctx);
        limit.sample(clock.monotonic() - startedAt, TRANSIENT_STATUS.has(reply.status));
        return reply;
      } catch (error) {
        if (error instanceof GatewayError && FAILED.has(error.kind)) {
          limit.sample(clock.monotonic() - startedAt, true);
        }
        throw error;
      }
    };
}
