import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Source } from "../core/source.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../core/upstream_fault.ts";

/** How long the same failure of an upstream is only counted (ms). */
const QUIET_MS = 60_000;

/** What the log is told of an upstream. */
export interface FaultReport {
  readonly upstream: string;
  readonly reason: UpstreamFaultReason | "timeout" | "recovered";
  /** The system's own words; empty for `recovered`. */
  readonly cause: string;
  /** How many calls failed that way since the report before; all that failed, for `recovered`. */
  readonly count: number;
}

/** What is known of one way to fail. */
interface Known {
  reportedAt: number;
  /** Those that failed since then. */
  count: number;
}

/**
 * Tells the log why an upstream fails: each reason once in full, then at most once a minute with
 * how many calls it failed meanwhile, and once that calls succeed again.
 */
export class FaultLog {
  readonly #upstream: string;
  readonly #clock: Clock;
  readonly #report: (report: FaultReport) => void;
  readonly #known = new Map<FaultReport["reason"], Known>();
  /** How many calls have failed since the last that did not, and whether the log knows of it. */
  #failed = 0;
  #isReported = false;

  /** @param report takes a report into the log */
  constructor(upstream: string, clock: Clock, report: (report: FaultReport) => void) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#report = report;
  }

  /** The same source, whose failures are reported. Any response counts as a success. */
  watch(next: Source): Source {
    return async (call, ctx) => {
      try {
        const reply = await next(call, ctx);
        if (this.#failed > 0) this.#recovered();
        return reply;
      } catch (error) {
        this.#add(error);
        throw error;
      }
    };
  }

  #add(error: unknown): void {
    if (!(error instanceof GatewayError)) return;
    const { cause } = error;
    if (cause instanceof UpstreamFault) this.#count(cause.reason, cause.message);
    else if (error.kind === "upstream-timeout") this.#count("timeout", error.message);
  }

  #count(reason: UpstreamFaultReason | "timeout", cause: string): void {
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

/** A report as a line of the log, after the upstream's name: `refused (3 calls): …`. */
export function faultLine({ reason, cause, count }: FaultReport): string {
  const calls = count === 1 ? "1 call" : `${count} calls`;
  return reason === "recovered"
    ? `responds again; ${calls} failed`
    : `${reason} (${calls}): ${cause}`;
}
