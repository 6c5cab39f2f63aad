import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { Scope } from "../scope.ts";
import type { Policy } from "../source.ts";

/** What one attempt may take. */
export interface TimeoutOptions {
  /** How long the attempt may take (ms); what is left of the deadline, when that is less. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Ends an attempt that takes too long, by aborting it.
 * It rejects with `upstream-timeout`, or with `deadline-exceeded` when the deadline came first.
 */
export function timeout({ timeoutMs, clock }: TimeoutOptions): Policy {
  return (next) =>
    async function timeout(call, ctx) {
      if (ctx.deadline - clock.monotonic() <= timeoutMs) return await next(call, ctx);
      using scope = new Scope(ctx.signal);
      scope.cancelAfter(
        timeoutMs,
        clock,
        () => new GatewayError("upstream-timeout", `no answer within ${timeoutMs} ms`),
      );
      return await next(call, { ...ctx, signal: scope.signal });
    };
}
