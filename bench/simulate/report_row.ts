import type { Verdict } from "./judge.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

/** What every row says of its scenario; the rest is told where it is not the default. */
const SHOWN: readonly string[] = ["shape", "processes", "latencyMs", "load"];

/** A row of the report: what was played, and how the limiter did. */
export function reportRow(scenario: Scenario, verdict: Verdict): Record<string, string> {
  const { requests, admitted, unavailable, ideal, commits, conflicts, reads } = verdict;
  return {
    "shape": scenario.shape,
    "proc.": String(scenario.processes),
    "ms": String(scenario.latencyMs),
    "load": String(scenario.load),
    "of ideal": percent(admitted, ideal),
    "excess": String(round(verdict.excess)),
    "needless": percent(verdict.needless, requests),
    "early": percent(verdict.early, requests),
    "no store": percent(unavailable, requests),
    "at hand": percent(verdict.atHand, requests),
    "commits": ratio(commits, requests),
    "conflicts": percent(conflicts, commits),
    "reads": ratio(reads, requests),
    "p50": wait(verdict.p50),
    "p99": wait(verdict.p99),
    "busy p99": wait(verdict.busyP99),
    "max/min": Number.isFinite(verdict.mostToLeast) ? verdict.mostToLeast.toFixed(2) : "∞",
    "also": alsoOf(scenario),
  };
}

/** What the columns mean. */
export const LEGEND = [
  "of ideal: admitted, to what one exact bucket at hand would have admitted of the same requests",
  "excess: most tokens in any window above burst + rate x (window + skew); must be 0",
  "needless: refused although an exact bucket had a token for it, besides all that was admitted",
  "early: refused although it had a token then, which may have gone to a later request",
  "no store: refused for want of the store; at hand: decided at once, without the store",
  "commits, reads: calls of the store for each decision; p50, p99: wait for a decision (ms)",
  "busy p99: the same, of what was admitted of the busiest client",
  "max/min: between processes, of what each admitted of its own requests",
].join("\n");

/** In the same order as the properties stand in a scenario. */
function alsoOf(scenario: Scenario): string {
  const usual = new Map<string, unknown>(Object.entries(DEFAULT_SCENARIO));
  return Object.entries(scenario)
    .filter(([name, value]) => !SHOWN.includes(name) && value !== usual.get(name))
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${(100 * part / whole).toFixed(1)}%`;
}

function ratio(part: number, whole: number): string {
  return whole === 0 ? "-" : (part / whole).toFixed(3);
}

function wait(ms: number): string {
  return ms < 100 ? ms.toFixed(1) : ms.toFixed(0);
}

function round(tokens: number): number {
  return Math.round(1_000 * tokens) / 1_000;
}
