import type { Behaviour } from "../behaviour.ts";
import { percentile } from "../load.ts";
import { callsOf, type Policies, type Results, type Scenario, type Side } from "../scenario.ts";
import { atLeast, atMost, percent, times, type Verdict } from "../verdict.ts";
import { LATENCY_NOISE, STEADY } from "./conditions.ts";

const RATE = 100;

const BREAKER = { window: "2s", minCalls: 20, openFor: "10s", slowAfter: "200ms" };

/** One of the three optional parts of a route has an upstream that misbehaves. */
function oneOfThree(
  verb: string,
  behaviour: Behaviour,
  promises: (results: Results) => readonly Verdict[],
  breaker: Policies = BREAKER,
): Scenario {
  return {
    name: `one of three optional upstreams ${verb}`,
    upstreams: { a: STEADY, b: STEADY, c: STEADY },
    off: sideWith({}),
    on: sideWith({ breaker }),
    phases: [
      { name: "warm-up", seconds: 2, rate: RATE },
      { name: "healthy", seconds: 4, rate: RATE },
      { name: "first 3 s", seconds: 3, rate: RATE, change: { c: behaviour } },
      { name: "after", seconds: 5, rate: RATE },
    ],
    promises: (results) => [
      ...["first 3 s", "after"].map((phase) => {
        const { requests, failed } = results.on(phase);
        return atLeast(`${phase}: responses with 200`, 1 - failed / requests, 1, percent);
      }),
      ...promises(results),
    ],
  };
}

function sideWith(policies: Policies): Side {
  const part = (from: string) => ({ from, path: "/{id}", optional: true });
  return {
    config: (url) => ({
      upstreams: Object.fromEntries(
        Object.entries(url).map(([name, url]) => [name, { url, timeout: "500ms", ...policies }]),
      ),
      routes: { "GET /home/:id": { gather: { a: part("a"), b: part("b"), c: part("c") } } },
    }),
    path: (index) => `/home/${index}`,
  };
}

/** Once the breaker is open, the upstream is hardly asked, and nobody waits for it. */
function isLeftAlone({ on }: Results): readonly Verdict[] {
  const [healthy, after] = [on("healthy"), on("after")];
  return [
    atMost(
      "after: p99, of the healthy p99",
      percentile(after, 0.99) / percentile(healthy, 0.99),
      1.2,
      times,
      LATENCY_NOISE,
    ),
    atMost("after: requests that call it", callsOf(after, "c") / after.requests, 0.05, percent),
  ];
}

/** It is asked while it works, and less often while it does not. */
function isStillUsed({ off, on }: Results): readonly Verdict[] {
  const [without, after] = [off("after"), on("after")];
  return [
    atLeast(
      "after: complete, of those with policies off",
      after.complete / without.complete,
      0.7,
      times,
    ),
    atMost("after: requests that call it", callsOf(after, "c") / after.requests, 0.9, percent),
  ];
}

export const optionalUpstream: readonly Scenario[] = [
  oneOfThree("hangs", { kind: "hanging" }, isLeftAlone),
  oneOfThree("accepts connections and reads nothing", { kind: "half-open" }, isLeftAlone),
  oneOfThree("resets connections", { kind: "resetting" }, isLeftAlone),
  oneOfThree("is down", { kind: "down" }, isLeftAlone),
  oneOfThree("is ten times slower", { kind: "steady", ms: [300, 450] }, isLeftAlone),
  oneOfThree(
    "fails every other second",
    { kind: "flapping", ms: [30, 50], everyMs: 1000 },
    isStillUsed,
    { window: "1s", minCalls: 20, openFor: "150ms" },
  ),
];
