import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { GaveWay } from "../../core/gave_way.ts";
import type { Context, Policy } from "../../core/source.ts";
import type { RecentLatencies } from "./recent_latencies.ts";

/** When optional calls are not begun. */
export interface ShedOptions {
  /** The load of the gateway. */
  readonly overload: { readonly dropsOptional: boolean };
  /** The latencies of these calls, recorded by this policy. */
  readonly latencies: RecentLatencies;
  readonly clock: Clock;
}

/** An upstream's own failures are often fast, and say nothing about the time that a reply takes. */
const FAILED_STATUS = 500;

/**
 * Does not begin the call of an optional part while the gateway is overloaded (`overloaded`), nor when
 * the time left is less than the median latency of such calls (`not-begun`): it would most likely be
 * cut off, and the upstream would have worked for nothing.
 *
 * The latency includes retries and queues, because the time left must suffice for them too.
 */
export function shed({ overload, latencies, clock }: ShedOptions): Policy {
  const record = (startedAt: number) => {
    const now = clock.monotonic();
    latencies.add(now - startedAt, now);
  };
  return (next) =>
    async function shed(call, ctx) {
      const startedAt = clock.monotonic();
      if (ctx.isOptional) {
        if (overload.dropsOptional) throw notBegun("overloaded", "the gateway is overloaded");
        throwIfHopeless(ctx, latencies, startedAt);
      }
      try {
        const reply = await next(call, ctx);
        if (reply.status < FAILED_STATUS) record(startedAt);
        return reply;
      } catch (error) {
        if (isCutOff(error)) record(startedAt);
        throw error;
      }
    };
}

function throwIfHopeless({ deadline }: Context, latencies: RecentLatencies, now: number): void {
  const medianMs = latencies.median(now);
  const leftMs = deadline - now;
  if (medianMs === undefined || leftMs >= medianMs) return;
  throw notBegun(
    "not-begun",
    `${Math.max(0, Math.round(leftMs))} ms are left, and half of its calls take longer than ` +
      `${Math.round(medianMs)} ms`,
  );
}

function notBegun(kind: "overloaded" | "not-begun", detail: string): GatewayError {
  return new GatewayError(kind, `the optional part was not called: ${detail}`, {
    cause: new GaveWay(),
  });
}

/** Whether time ran out: the call would have taken at least as long as it did. */
function isCutOff(error: unknown): boolean {
  return error instanceof GatewayError &&
    (error.kind === "upstream-timeout" || error.kind === "deadline-exceeded");
}
