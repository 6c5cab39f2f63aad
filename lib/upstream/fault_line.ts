import type { FaultReport } from "./fault_log.ts";

const TARGET_EVENTS: Readonly<Partial<Record<FaultReport["reason"], string>>> = {
  ejected: "ejected ",
  returned: "responds again",
  unhealthy: "failed its health checks: ",
  healthy: "passed its health checks",
};

/**
 * Formats a report for the log, without the upstream's name:
 * `refused (3 calls): Connection refused (os error 111); target http://10.0.0.5:9001`,
 * `target http://10.0.0.5:9001: ejected for 5 s: …`.
 */
export function faultLine({ reason, target, cause, count }: FaultReport): string {
  const event = TARGET_EVENTS[reason];
  if (event !== undefined) return `target ${target}: ${event}${cause}`;
  const calls = count === 1 ? "1 call" : `${count} calls`;
  switch (reason) {
    case "recovered":
      return `responds again; ${calls} failed`;
    case "breaker-opened":
      return `circuit breaker opened: of ${calls}, ${cause}`;
    case "breaker-closed":
      return "circuit breaker closed";
    default:
      return `${reason} (${calls}): ${cause}${target === undefined ? "" : `; target ${target}`}`;
  }
}
