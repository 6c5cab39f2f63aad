import type { AttemptContext } from "../core/attempt_context.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Call, Context, Reply } from "../core/source.ts";
import type { CallRecord } from "../core/trace.ts";
import { UpstreamFault } from "../core/upstream_fault.ts";
import { endAttemptSpan, startAttemptSpan } from "./attempt_span.ts";
import { MAX_RECORDS } from "./ended_request.ts";
import type { Observer } from "./observer.ts";

/** Whose calls are recorded, and who observes them. */
export interface CallRecorderOptions {
  /** The part's name; undefined for a forward. */
  readonly part: string | undefined;
  /** The upstream's name. */
  readonly upstream: string;
  readonly clock: Clock;
  readonly observers: readonly Observer[];
}

/**
 * Records each attempt in the trace of its request, within retries, hedges and queues: its time is the
 * upstream's.
 *
 * `timeout` calls it, where every attempt passes: a policy of its own would take another promise and
 * another context for each.
 */
export class CallRecorder {
  readonly #options: CallRecorderOptions;

  constructor(options: CallRecorderOptions) {
    this.#options = options;
  }

  /** Begins the record of an attempt, and its span where there are spans. */
  begin({ method }: Call, ctx: AttemptContext): void {
    const { part, upstream, clock, observers } = this.#options;
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
    ctx.record = record;
    ctx.span &&= startAttemptSpan(ctx.span, method, record);
  }

  /** Ends it with a reply. */
  succeeded({ status }: Reply, ctx: Context): void {
    if (ctx.record) ctx.record.status = status;
    this.#end(ctx);
  }

  /** Ends it with an error. */
  failed(error: unknown, ctx: Context): void {
    if (ctx.record) fail(ctx.record, error);
    this.#end(ctx);
  }

  #end({ record, span }: Context): void {
    if (record === undefined) return;
    const { clock, observers } = this.#options;
    if (span) endAttemptSpan(span, record);
    record.durationMs = clock.monotonic() - record.startedAt;
    for (const observer of observers) observer.callEnded?.(record);
  }
}

function fail(record: CallRecord, error: unknown): void {
  record.problem = error instanceof GatewayError ? error.kind : "internal";
  const cause = error instanceof GatewayError ? error.cause : undefined;
  if (!(cause instanceof UpstreamFault)) return;
  record.reason = cause.reason;
  record.cause = cause.message;
}
