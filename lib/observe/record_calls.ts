import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Context, Policy, Reply } from "../core/source.ts";
import type { Span } from "../core/span.ts";
import type { CallRecord } from "../core/trace.ts";
import { UpstreamFault } from "../core/upstream_fault.ts";
import { endAttemptSpan, startAttemptSpan } from "./attempt_span.ts";
import { MAX_RECORDS } from "./ended_request.ts";
import type { Observer } from "./observer.ts";

/** Whose calls are recorded, and who observes them. */
export interface RecordCallsOptions {
  /** The part's name; undefined for a forward. */
  readonly part: string | undefined;
  /** The upstream's name. */
  readonly upstream: string;
  readonly clock: Clock;
  readonly observers: readonly Observer[];
}

/**
 * Records each attempt in the trace of its request. To be placed where every attempt passes, within
 * retries, hedges and queues: its time is the upstream's.
 */
export function recordCalls({ part, upstream, clock, observers }: RecordCallsOptions): Policy {
  const end = (record: CallRecord, span: Span | undefined) => {
    if (span) endAttemptSpan(span, record);
    record.durationMs = clock.monotonic() - record.startedAt;
    for (const observer of observers) observer.callEnded?.(record);
  };
  return (next) =>
    function recordCalls(call, ctx: Context): Promise<Reply> {
      const record: CallRecord = {
        part,
        upstream,
        target: undefined,
        attempt: ctx.attempt ?? 1,
        isHedge: ctx.isHedge ?? false,
        startedAt: clock.monotonic(),
        durationMs: undefined,
        status: undefined,
        problem: undefined,
        reason: undefined,
        cause: undefined,
      };
      const { calls } = ctx.trace;
      if (calls && calls.length < MAX_RECORDS) calls.push(record);
      for (const observer of observers) observer.callStarted?.(record);
      const span = ctx.span && startAttemptSpan(ctx.span, call.method, record);
      return next(call, { ...ctx, record, span }).then(
        (reply) => {
          record.status = reply.status;
          end(record, span);
          return reply;
        },
        (error) => {
          fail(record, error);
          end(record, span);
          throw error;
        },
      );
    };
}

function fail(record: CallRecord, error: unknown): void {
  record.problem = error instanceof GatewayError ? error.kind : "internal";
  const cause = error instanceof GatewayError ? error.cause : undefined;
  if (!(cause instanceof UpstreamFault)) return;
  record.reason = cause.reason;
  record.cause = cause.message;
}
