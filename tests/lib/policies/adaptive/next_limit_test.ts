import { assert, assertEquals } from "@std/assert";
import { type LimitState, nextLimit } from "../../../../lib/policies/adaptive/next_limit.ts";
import { property, type Random } from "../../../support/random.ts";

const START: LimitState = { limit: 10, usualMs: undefined, trial: undefined, phase: "first" };
const RANGE = { min: 4, max: 200 };

/** An upstream, and how much is asked of it. */
interface World {
  /** The mean latency of `n` concurrent calls at `t` seconds (ms). */
  readonly latency: (n: number, t: number) => number;
  /** Calls per second; unlimited by default. */
  readonly rate?: number;
  /** How much a window's mean may be off, as a share of it. */
  readonly noise?: number;
}

/** The limit after each second. */
function simulate(
  { latency, rate = Infinity, noise = 0 }: World,
  seconds: number,
  { range = RANGE, random }: { range?: typeof RANGE; random?: Random } = {},
): number[] {
  let state: LimitState = START;
  return Array.from({ length: seconds }, (_, t) => {
    const limit = Math.floor(state.limit);
    // Little's law: as many are in flight as come while one is served.
    let n = 1;
    while (n < limit && rate / 1000 * latency(n, t) > n) n++;
    const chance = random ? random.int(-1000, 1000) / 1000 : 0;
    const meanMs = latency(n, t) * (1 + noise * chance);
    state = nextLimit(state, { meanMs, isLimited: n >= limit, isFailing: false }, range);
    return state.limit;
  });
}

const least = (limits: readonly number[]) => Math.min(...limits);
const most = (limits: readonly number[]) => Math.max(...limits);
/** Latency is flat up to the knee; beyond it calls queue within the upstream. */
const knee = (at: number, ms: number) => (n: number) => ms * Math.max(1, n / at);

Deno.test("the limit grows by about its square root while latency stays", () => {
  const state = { limit: 100, usualMs: 50, trial: undefined, phase: "settled" } as const;
  const grown = nextLimit(state, { meanMs: 60, isLimited: true, isFailing: false }, RANGE);
  assertEquals(grown.limit, 102);
});

Deno.test("at the start the limit grows by a third, until that is too much", () => {
  const limits = simulate({ latency: knee(40, 50) }, 10).map((limit) => Math.floor(limit));
  assertEquals(limits.slice(0, 8), [10, 13, 17, 23, 31, 42, 56, 74]);
  assertEquals(limits[8], 56, "one step back");
  assert((limits[9] ?? 0) <= 58, "and then by about its square root");
});

Deno.test("a limit that calls do not reach stays, and learns the usual latency", () => {
  const state = { limit: 100, usualMs: 50, trial: undefined, phase: "settled" } as const;
  const next = nextLimit(state, { meanMs: 650, isLimited: false, isFailing: false }, RANGE);
  assertEquals(next, { ...state, usualMs: 60 });
});

Deno.test("latency past the tolerance shrinks the limit, and never teaches what is usual", () => {
  const state = { limit: 100, usualMs: 50, trial: undefined, phase: "settled" } as const;
  const next = nextLimit(state, { meanMs: 150, isLimited: true, isFailing: false }, RANGE);
  assertEquals(next, { ...state, limit: 92, trial: { limit: 100, ms: 150 } });
});

Deno.test("an upstream that fails most calls gets as few as may be, and as before when it is well", () => {
  let state: LimitState = { limit: 100, usualMs: 50, trial: undefined, phase: "settled" } as const;
  for (let index = 0; index < 60; index++) {
    state = nextLimit(state, { meanMs: 5000, isLimited: true, isFailing: true }, RANGE);
  }
  assertEquals([state.limit < 7, state.usualMs], [true, 50]);
  for (let index = 0; index < 60; index++) {
    state = nextLimit(state, { meanMs: 50, isLimited: true, isFailing: false }, RANGE);
  }
  assert(state.limit > 50, `${state.limit}`);
});

Deno.test("a limit settles near the knee of an upstream, and does not drift for an hour", () => {
  for (const at of [10, 25, 50, 100]) {
    const limits = simulate({ latency: knee(at, 100) }, 3600);
    const settled = limits.slice(120);
    assert(least(settled) >= at && most(settled) <= 1.7 * at, `${at}: ${least(settled)}`);
    assert(most(settled) - least(settled) < 1, "it does not oscillate");
  }
});

property("a noisy upstream's limit stays near the knee, and far from the minimum", 30, (random) => {
  const at = random.int(20, 100);
  const latency = (n: number) => 100 * Math.sqrt(1 + (n / at) ** 2);
  const settled = simulate({ latency, noise: 0.2 }, 1800, { random }).slice(180);
  assert(least(settled) > 0.6 * at, `least ${least(settled)}, knee ${at}`);
  assert(most(settled) < 2.2 * at, `most ${most(settled)}, knee ${at}`);
});

property(
  "latency that triples for good settles within 60 s, without a swing of more than a quarter",
  30,
  (random) => {
    const range = { min: 4, max: random.int(20, 200) };
    const latency = (_n: number, t: number) => t < 240 ? 50 : 150;
    const limits = simulate({ latency, noise: 0.05 }, 600, { range, random });
    const before = limits[239] ?? 0;
    assertEquals(before, range.max);
    assert(least(limits.slice(240)) >= before * 0.75 - 0.001, `least ${least(limits.slice(240))}`);
    assertEquals([least(limits.slice(300)), most(limits.slice(300))], [range.max, range.max]);
  },
);

Deno.test("latency that triples: where demand needs more calls at once, the limit lets it have them", () => {
  const latency = (_n: number, t: number) => t < 120 ? 50 : 150;
  const limits = simulate({ latency, rate: 300 }, 300);
  const before = limits[119] ?? 0;
  assert(before > 15 && before < 20, `${before}`);
  assert(least(limits.slice(120)) >= before * 0.75);
  assert(least(limits.slice(180)) >= 45, `${limits[180]}`);
});

Deno.test("at its minimum a limit takes latency as it is, and grows again", () => {
  let state: LimitState = { limit: 4, usualMs: 50, trial: undefined, phase: "settled" };
  for (let index = 0; index < 60; index++) {
    state = nextLimit(state, { meanMs: 150, isLimited: true, isFailing: false }, RANGE);
  }
  assert(state.limit > 30, `${state.limit}`);
});

Deno.test("an upstream that loses two thirds of its capacity gets as much less within 60 s", () => {
  const latency = (n: number, t: number) => knee(t < 120 ? 60 : 20, 50)(n);
  const limits = simulate({ latency }, 600);
  const settled = limits.slice(180);
  assert(least(settled) >= 20 && most(settled) <= 2 * 20, `${least(settled)} to ${most(settled)}`);
  assert(most(settled) - least(settled) < 0.25 * least(settled));
});

property("the limit stays within its range", 50, (random) => {
  const range = { min: random.int(1, 10), max: random.int(10, 50) };
  let state: LimitState = START;
  for (let index = 0; index < 200; index++) {
    const window = {
      meanMs: random.int(1, 1000),
      isLimited: random.bool(0.9),
      isFailing: random.bool(0.2),
    };
    state = nextLimit(state, window, range);
    assert(state.limit >= range.min && state.limit <= range.max, `${state.limit}`);
    assert((state.usualMs ?? 1) > 0);
  }
});
