import type { Level } from "../log/level.ts";
import type { Log } from "../log/log.ts";
import { faultLine } from "./fault_line.ts";
import type { FaultReport } from "./fault_log.ts";

/** Levels of reports that are not failures of a call, which are errors. */
const LEVELS: Readonly<Partial<Record<FaultReport["reason"], Level>>> = {
  "recovered": "info",
  "breaker-closed": "info",
  "returned": "info",
  "healthy": "info",
  "ejected": "warn",
  "unhealthy": "warn",
};

/** Writes a report about an upstream to the log. A failure that was reported before is for debugging. */
export function logFault(log: Log, report: FaultReport): void {
  const { upstream, reason, target, cause, count, call, isRepeated } = report;
  const level = isRepeated ? "debug" : LEVELS[reason] ?? "error";
  if (!log.isWritten(level)) return;
  log.write(level, `upstream ${upstream}: ${faultLine(report)}`, {
    ...call,
    upstream,
    target,
    cause: cause === "" ? undefined : call ? `${reason}: ${cause}` : cause,
    calls: count,
  });
}
