import type { Score } from "./judge.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

/** The properties of a scenario in every row; others are shown where they differ from the default. */
const SHOWN: readonly string[] = ["shape", "processes", "latencyMs", "load"];

/** A row of the report: the scenario, and the score of the limiter. */
export function reportRow(scenario: Scenario, score: Score): Record<string, string> {
  const { requests, admitted, unavailable, ideal, commits, conflicts, reads } = score;
  return {
    "shape": scenario.shape,
    "proc.": String(scenario.processes),
    "ms": String(scenario.latencyMs),
    "load": String(scenario.load),
    "of ideal": percent(admitted, ideal),
    "excess": String(round(score.excess)),
    "needless": percent(score.needless, requests),
    "early": percent(score.early, requests),
    "no store": percent(unavailable, requests),
    "at hand": percent(score.atHand, requests),
    "commits": ratio(commits, requests),
    "conflicts": percent(conflicts, commits),
    "reads": ratio(reads, requests),
    "p50": wait(score.p50),
    "p99": wait(score.p99),
    "busy p99": wait(score.busyP99),
    "max/min": Number.isFinite(score.mostToLeast) ? score.mostToLeast.toFixed(2) : "∞",
    "also": alsoOf(scenario),
  };
}

/** What the columns mean. */
export const LEGEND = [
  "of ideal: admitted, relative to what one exact local bucket would have admitted",
  "excess: most tokens in any window above burst + rate x (window + skew); must be 0",
  "needless: denied although an exact bucket had a token besides all that was admitted",
  "early: denied although it had a token then, which may have gone to a later request",
  "no store: denied because the store was unavailable; at hand: decided without the store",
  "commits, reads: calls to the store per decision; p50, p99: wait for a decision (ms)",
  "busy p99: the same, for admitted requests of the busiest client",
  "max/min: between processes, the share of its own requests that each admitted",
].join("\n");

/** In the order of a scenario's properties. */
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
