import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { Scope } from "../scope.ts";
import type { Policy } from "../source.ts";
import { TimerQueue } from "../timer_queue.ts";

/** What one attempt may take. */
export interface TimeoutOptions {
  /** How long the attempt may take (ms); what is left of the deadline, when that is less. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/**
 * Ends an attempt that takes too long, by aborting it.
 * It rejects with `upstream-timeout`, or with `deadline-exceeded` when the deadline came first; an
 * attempt for which no time is left is not begun.
 */
export function timeout({ timeoutMs, clock }: TimeoutOptions): Policy {
  const timers = new TimerQueue(timeoutMs, clock);
  const detail = `no answer within ${timeoutMs} ms`;
  return (next) =>
    async function timeout(call, ctx) {
      const now = clock.monotonic();
      if (ctx.deadline <= now) {
        throw new GatewayError("deadline-exceeded", "no time was left to ask");
      }
      const scope = new Scope(ctx.signal);
      const timer = timers.set(
        () => scope.cancel(new GatewayError("upstream-timeout", detail)),
        now,
      );
      try {
        const { client, trace, background } = ctx;
        const { signal } = scope;
        const deadline = Math.min(timer.due, ctx.deadline);
        return await next(call, { signal, deadline, client, trace, background });
      } finally {
        timers.stop(timer);
        scope[Symbol.dispose]();
      }
    };
}
