import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { TargetReport } from "../policies/target/target_set.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../core/upstream_fault.ts";

/** Interval in which repeated failures of an upstream are only counted (ms). */
const QUIET_MS = 60_000;

/** How a circuit breaker changed. */
export type BreakerChange = "breaker-opened" | "breaker-closed";

/** A report about an upstream, for the log. */
export interface FaultReport {
  readonly upstream: string;
  readonly reason: UpstreamFaultReason | "recovered" | BreakerChange | TargetReport["event"];
  /** The target that it is about; absent if it is about the upstream. */
  readonly target?: string;
  /** The system's message, or why a breaker opened; empty for what is good news. */
  readonly cause: string;
  /**
   * Calls that failed for this reason since its last report; all failed calls for `recovered`; calls
   * that opened a breaker.
   */
  readonly count: number;
}

/** The state of one reason. */
interface Known {
  reportedAt: number;
  /** Failures since then. */
  count: number;
}

/**
 * Reports why an upstream fails: each reason at once, then at most once a minute with the number of
 * failed calls, and once when calls succeed again.
 */
export class FaultLog {
  readonly #upstream: string;
  readonly #clock: Clock;
  readonly #report: (report: FaultReport) => void;
  readonly #known = new Map<UpstreamFaultReason, Known>();
  /** Calls that failed since the last success, and whether that has been reported. */
  #failed = 0;
  #isReported = false;

  /** @param report writes a report to the log */
  constructor(upstream: string, clock: Clock, report: (report: FaultReport) => void) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#report = report;
  }

  /** Notes that a call got a response, whatever its status. */
  succeeded(): void {
    if (this.#failed > 0) this.#recovered();
  }

  /** Notes that a call failed. */
  failed(error: unknown): void {
    if (!(error instanceof GatewayError)) return;
    const { cause } = error;
    if (cause instanceof UpstreamFault) this.#count(cause.reason, cause.message);
    else if (error.kind === "upstream-timeout") this.#count("timeout", error.message);
  }

  /** Reports that the upstream's circuit breaker opened or closed. */
  breakerChanged(reason: BreakerChange, cause = "", count = 0): void {
    this.#report({ upstream: this.#upstream, reason, cause, count });
  }

  #count(reason: UpstreamFaultReason, cause: string): void {
    this.#failed++;
    const now = this.#clock.monotonic();
    const known = this.#known.get(reason) ?? { reportedAt: -Infinity, count: 0 };
    this.#known.set(reason, known);
    known.count++;
    if (now - known.reportedAt < QUIET_MS) return;
    this.#report({ upstream: this.#upstream, reason, cause, count: known.count });
    known.reportedAt = now;
    known.count = 0;
    this.#isReported = true;
  }

  #recovered(): void {
    const count = this.#failed;
    this.#failed = 0;
    if (!this.#isReported) return;
    this.#isReported = false;
    this.#report({ upstream: this.#upstream, reason: "recovered", cause: "", count });
  }
}

/**
 * Formats a report for the log, without the upstream's name: `refused (3 calls): …`,
 * `target http://10.0.0.5:9001: ejected for 5 s: …`.
 */
export function faultLine({ reason, target, cause, count }: FaultReport): string {
  if (target !== undefined) return `target ${target}: ${TARGET_EVENTS[reason] ?? reason}${cause}`;
  const calls = count === 1 ? "1 call" : `${count} calls`;
  switch (reason) {
    case "recovered":
      return `responds again; ${calls} failed`;
    case "breaker-opened":
      return `circuit breaker opened: of ${calls}, ${cause}`;
    case "breaker-closed":
      return "circuit breaker closed";
    default:
      return `${reason} (${calls}): ${cause}`;
  }
}

const TARGET_EVENTS: Readonly<Partial<Record<FaultReport["reason"], string>>> = {
  ejected: "ejected ",
  returned: "responds again",
  unhealthy: "failed its health checks: ",
  healthy: "passed its health checks",
};
