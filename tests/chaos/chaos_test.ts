import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { markdownOf, textOf } from "./report.ts";
import { run } from "./run.ts";
import type { Policies, Scenario, Side } from "./scenario.ts";
import { SCENARIOS } from "./scenarios/mod.ts";
import { atLeast, atMost, calls, percent } from "./verdict.ts";

const part = (from: string) => ({ from, path: "/{id}", optional: true });

function sideWith(policies: Policies): Side {
  return {
    config: ({ a, b }) => ({
      upstreams: { a: { url: a, ...policies }, b: { url: b, ...policies } },
      routes: { "GET /home/:id": { gather: { a: part("a"), b: part("b") } } },
    }),
    path: (index) => `/home/${index}`,
  };
}

/** A short scenario, so that the harness itself is in the suite. */
const SMOKE: Scenario = {
  name: "one of two optional upstreams fails",
  upstreams: { a: { kind: "steady", ms: [2, 4] }, b: { kind: "steady", ms: [2, 4] } },
  off: sideWith({}),
  on: sideWith({ retry: { attempts: 2, backoff: "1ms", budget: { share: 1, minPerSecond: 99 } } }),
  phases: [
    { name: "healthy", seconds: 0.6, rate: 50 },
    { name: "fails", seconds: 1, rate: 50, change: { b: { kind: "failing", status: 503, ms: 2 } } },
  ],
  promises: ({ on }) => [atMost("partial responses", on("fails").partial, 0, calls)],
};

Deno.test("a scenario measures both sides, phase by phase", async () => {
  const results = await run(SMOKE);
  for (const measured of [results.off("healthy"), results.on("healthy")]) {
    assertEquals([measured.requests, measured.failed], [30, 0]);
    assert(measured.complete >= 25, "but for the last ones, all complete");
    assert((measured.calls["a"] ?? 0) >= 25, "and each is a call");
    assert((measured.peaks["a"]?.length ?? 0) >= 1);
  }
  for (const measured of [results.off("fails"), results.on("fails")]) {
    assertEquals([measured.requests, measured.failed], [50, 0]);
    assert(measured.partial >= 30, "all that came after the change");
  }
  const [off = 0, on = 0] = [results.off, results.on].map((side) => side("fails").calls["b"]);
  assert(on >= off + 20, `${off} calls without retries, ${on} with them`);

  const report = { scenario: SMOKE, results, verdicts: SMOKE.promises(results) };
  assertEquals(report.verdicts.map(({ isKept }) => isKept), [false]);
  assertStringIncludes(textOf(report), "BROKEN: partial responses ≤ 0 calls; measured");
  assertStringIncludes(markdownOf(report), "| fails | ");
});

Deno.test("a promise is kept up to its bound", () => {
  const kept = [0.998, 0.999, 1].map((found) => atLeast("it", found, 0.999, percent).isKept);
  assertEquals(kept, [false, true, true]);
  assertEquals([9, 10, 11].map((found) => atMost("it", found, 10, calls).isKept), [
    true,
    true,
    false,
  ]);
  assert(atMost("it", 11, 10, calls, 1.1).isKept, "noise widens it");
});

Deno.test("every scenario has a name of its own, and changes something", () => {
  assertEquals(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
  for (const { name, phases, off, on } of SCENARIOS) {
    const isHarder = new Set(phases.map(({ rate }) => rate)).size > 1;
    const policies = (side: Side) => JSON.stringify(side.config({}));
    assert(phases.some(({ change }) => change) || isHarder || policies(off) !== policies(on), name);
  }
});
