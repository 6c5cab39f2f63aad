import type { Clock } from "../core/clock.ts";
import { GatewayError, type Kind } from "../core/errors.ts";
import type { Context } from "../core/source.ts";
import { traceIdOf } from "../core/trace.ts";
import type { TargetReport } from "../policies/target/target_set.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../core/upstream_fault.ts";

/** Interval in which repeated failures of an upstream are only counted (ms). */
const QUIET_MS = 60_000;
/** How many failures are counted separately, by their reason and target. */
const MAX_KNOWN = 500;

/** How a circuit breaker changed. */
export type BreakerChange = "breaker-opened" | "breaker-closed";

/** A report about an upstream, for the log. */
export interface FaultReport {
  readonly upstream: string;
  readonly reason: UpstreamFaultReason | "recovered" | BreakerChange | TargetReport["event"];
  /** The target that it is about, or that was called; absent for a function, and if it is not known. */
  readonly target?: string | undefined;
  /** The system's message, or why a breaker opened; empty for what is good news. */
  readonly cause: string;
  /**
   * Calls that failed for this reason since its last report; all failed calls for `recovered`; calls
   * that opened a breaker.
   */
  readonly count: number;
  /** Whether it was reported within the last minute, so that it is worth a line only for debugging. */
  readonly isRepeated?: boolean;
  /** The call that failed; absent if the report is about more than one call. */
  readonly call?: FailedCall;
}

/** The call of a report, for the log. */
export interface FailedCall {
  /** The request's id. */
  readonly id: string;
  readonly traceId: string | undefined;
  readonly route: string | undefined;
  /** Which attempt it was, counted from 1. */
  readonly attempt: number;
  readonly problem: Kind;
}

/** The state of one reason at one target. */
interface Known {
  reportedAt: number;
  /** Failures since then. */
  count: number;
}

/**
 * Reports why an upstream fails: each reason at each target at once, then at most once a minute with
 * the number of failed calls, and once when calls succeed again.
 */
export class FaultLog {
  readonly #upstream: string;
  readonly #clock: Clock;
  readonly #report: (report: FaultReport) => void;
  readonly #target: string | undefined;
  readonly #known = new Map<string, Known>();
  /** Calls that failed since the last success, and whether that has been reported. */
  #failed = 0;
  #isReported = false;

  /**
   * @param report writes a report to the log
   * @param target the target of calls that have no choice; undefined for a function
   */
  constructor(
    upstream: string,
    clock: Clock,
    report: (report: FaultReport) => void,
    target?: string,
  ) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#report = report;
    this.#target = target;
  }

  /** Notes that a call got a response, whatever its status. */
  succeeded(): void {
    if (this.#failed > 0) this.#recovered();
  }

  /** Notes that a call failed. */
  failed(error: unknown, ctx: Context): void {
    if (!(error instanceof GatewayError)) return;
    const { cause } = error;
    if (cause instanceof UpstreamFault) this.#count(cause.reason, cause.message, error, ctx);
    else if (error.kind === "upstream-timeout") this.#count("timeout", error.message, error, ctx);
  }

  /** Reports that the upstream's circuit breaker opened or closed. */
  breakerChanged(reason: BreakerChange, cause = "", count = 0): void {
    this.#report({ upstream: this.#upstream, reason, cause, count });
  }

  #count(
    reason: UpstreamFaultReason,
    cause: string,
    { kind: problem, target = this.#target }: GatewayError,
    { trace, attempt = 1 }: Context,
  ): void {
    this.#failed++;
    const now = this.#clock.monotonic();
    const known = this.#knownOf(`${reason} ${target}`);
    known.count++;
    const isRepeated = now - known.reportedAt < QUIET_MS;
    this.#report({
      upstream: this.#upstream,
      reason,
      ...(target !== undefined && { target }),
      cause,
      count: isRepeated ? 1 : known.count,
      isRepeated,
      call: { id: trace.id, traceId: traceIdOf(trace), route: trace.route, attempt, problem },
    });
    if (isRepeated) return;
    known.reportedAt = now;
    known.count = 0;
    this.#isReported = true;
  }

  /** The addresses of a name may change without end. */
  #knownOf(key: string): Known {
    let known = this.#known.get(key);
    if (known === undefined) {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      known = { reportedAt: -Infinity, count: 0 };
      this.#known.set(key, known);
    }
    return known;
  }

  #recovered(): void {
    const count = this.#failed;
    this.#failed = 0;
    if (!this.#isReported) return;
    this.#isReported = false;
    this.#report({ upstream: this.#upstream, reason: "recovered", cause: "", count });
  }
}
