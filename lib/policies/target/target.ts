import type { Clock } from "../../core/clock.ts";
import { GatewayError, type Kind } from "../../core/errors.ts";
import { retryAfterSeconds } from "../../http/retry_after.ts";
import type { Call, Context, Policy, Reply } from "../../core/source.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../../core/upstream_fault.ts";
import type { TargetSet } from "./target_set.ts";
import type { Target } from "./target_state.ts";

/** The targets of a policy. */
export interface TargetOptions {
  readonly targets: TargetSet;
  readonly clock: Clock;
  /** Called before each call with the time (monotonic, ms), to update the targets. */
  readonly refresh?: ((now: number) => void) | undefined;
}

/** Failures of a target; any other error, such as a client that left, says nothing about it. */
const FAILURES: ReadonlySet<Kind> = new Set<Kind>([
  "upstream-unreachable",
  "upstream-invalid",
  "upstream-timeout",
  "deadline-exceeded",
]);
const TIMEOUTS: ReadonlySet<Kind> = new Set<Kind>(["upstream-timeout", "deadline-exceeded"]);
const NOT_IMPLEMENTED = 501;
/** Reasons for which there was no connection. */
const UNSENT: ReadonlySet<UpstreamFaultReason> = new Set<UpstreamFaultReason>([
  "refused",
  "no-such-host",
  "unreachable",
]);

/**
 * Sends each attempt to one of the upstream's targets, by load and latency; see
 * {@linkcode chooseTarget}. With one target, it costs nothing but the check.
 *
 * A target fails by a 429, a 5xx or an error; five failures in a row eject it for a time. A
 * Retry-After with a 429 or 503 keeps all calls away from it, if there are others.
 */
export function target({ targets, clock, refresh }: TargetOptions): Policy {
  return (next) =>
    function target(call, ctx) {
      const now = clock.monotonic();
      refresh?.(now);
      if (targets.targets.length < 2) return next(call, ctx);
      const chosen = targets.choose(now, ctx.tried);
      return chosen ? callTarget(chosen, call, ctx, now) : next(call, ctx);
    };

  /** Calls a target, and another one where no connection could be made: it has received nothing. */
  async function callTarget(
    chosen: Target,
    call: Call,
    ctx: Context,
    startedAt: number,
  ): Promise<Reply> {
    const tried = ctx.tried ?? [];
    tried.push(chosen);
    chosen.inFlight++;
    if (ctx.record) ctx.record.target = chosen.name;
    let reply: Reply;
    try {
      reply = await chosen.source(call, ctx);
    } catch (error) {
      chosen.inFlight--;
      const now = clock.monotonic();
      threw(chosen, startedAt, now, error);
      const other = isUnsent(error, call) ? targets.choose(now, tried) : undefined;
      if (other === undefined || tried.includes(other)) throw error;
      return callTarget(other, call, { ...ctx, tried }, now);
    }
    chosen.inFlight--;
    replied(chosen, startedAt, reply);
    return reply;
  }

  function replied(chosen: Target, startedAt: number, { status, headers }: Reply): void {
    const now = clock.monotonic();
    if (status !== 429 && (status < 500 || status === NOT_IMPLEMENTED)) {
      return targets.succeeded(chosen, startedAt, now);
    }
    targets.failed(chosen, startedAt, now, `status ${status}`);
    if (status !== 429 && status !== 503) return;
    const seconds = retryAfterSeconds(headers, clock);
    if (seconds !== undefined) targets.hold(chosen, seconds * 1000, now);
  }

  function threw(chosen: Target, startedAt: number, now: number, error: unknown): void {
    if (!(error instanceof GatewayError) || !FAILURES.has(error.kind)) {
      return chosen.left(startedAt, now);
    }
    const { kind, cause, message } = error;
    // The deadline is one error for all calls of its request.
    if (kind !== "deadline-exceeded") error.target = chosen.name;
    const why = cause instanceof UpstreamFault ? `${cause.reason} (${cause.message})` : message;
    targets.failed(chosen, startedAt, now, why, TIMEOUTS.has(kind));
  }
}

/** Whether a call failed before anything of it was sent, so that it may go elsewhere. */
function isUnsent(error: unknown, { body }: Call): boolean {
  if (!(error instanceof GatewayError) || !(error.cause instanceof UpstreamFault)) return false;
  return UNSENT.has(error.cause.reason) && (body === undefined || body.isWhole);
}
