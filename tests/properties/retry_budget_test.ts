import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/body.ts";
import { retry } from "../../lib/policies/retry.ts";
import { RetryBudget } from "../../lib/retry_budget.ts";
import type { Source } from "../../lib/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

/** How far back calls count (ms). */
const WINDOW_MS = 1_000;

/** Everything that a budget saw, each with its time. */
interface History {
  readonly calls: number[];
  readonly retries: number[];
}

/** How many lie from one moment to another, both included. */
function countIn(times: readonly number[], from: number, to: number): number {
  return times.filter((at) => at >= from && at <= to).length;
}

/** Calls at random moments, each of which may want some retries, on a clock that may jump. */
async function anyHistory(
  random: Random,
  { share, minPerSecond }: { share: number; minPerSecond: number },
): Promise<History> {
  const clock = new ManualClock();
  const budget = new RetryBudget({ share, minPerSecond, clock });
  const history: History = { calls: [], retries: [] };
  for (let phase = 0; phase < 6; phase++) {
    const everyMs = random.pick([5, 20, 100, 700]);
    const wanted = random.pick([0, 0, 1, 3, 10]);
    const end = clock.monotonic() + random.int(100, 14_000);
    while (clock.monotonic() < end) {
      budget.deposit();
      history.calls.push(clock.monotonic());
      for (let retries = random.int(0, wanted); retries > 0 && budget.withdraw(); retries--) {
        history.retries.push(clock.monotonic());
      }
      await clock.advance(random.int(0, 2 * everyMs));
    }
    if (random.bool(0.2)) await clock.advance(random.pick([1_000, 9_999, 10_000, 3_600_000]));
  }
  return history;
}

property(
  "in any stretch of time, retries are no more than the share of the calls in it and in the ten seconds before, and the minimum",
  100,
  async (random) => {
    const share = random.pick([0, 0.1, 0.2, 0.5, 1]);
    const minPerSecond = random.int(0, 5);
    const { calls, retries } = await anyHistory(random, { share, minPerSecond });
    for (let stretch = 0; stretch < 200; stretch++) {
      const from = random.pick(calls);
      const to = from + random.int(1, 25_000);
      const seconds = Math.floor(to / 1000) - Math.floor(from / 1000) + 1;
      const most = share * countIn(calls, from - WINDOW_MS, to) + minPerSecond * seconds;
      const made = countIn(retries, from, to);
      assert(made <= most + 1e-9, `${made} retries from ${from} to ${to}, ${most} allowed`);
    }
  },
);

property(
  "an upstream that fails all the time gets at most the share of its calls, and the minimum",
  50,
  async (random) => {
    const share = random.pick([0, 0.1, 0.2, 0.5, 1]);
    const minPerSecond = random.int(0, 5);
    const clock = new ManualClock();
    const budget = new RetryBudget({ share, minPerSecond, clock });
    const everyMs = random.pick([5, 20, 100, 700]);
    const wanted = random.int(1, 9);
    const endMs = random.int(100, 40_000);
    await clock.advance(random.int(0, 5_000));
    const beginning = clock.monotonic();
    let [calls, retries] = [0, 0];
    while (clock.monotonic() < beginning + endMs) {
      budget.deposit();
      calls++;
      for (let more = wanted; more > 0 && budget.withdraw(); more--) retries++;
      const seconds = (clock.monotonic() - beginning) / 1000;
      // At any moment, not at the end alone: nothing has been saved before it began.
      assert(retries <= share * calls + minPerSecond * (seconds + 1) + minPerSecond + 1e-9);
      await clock.advance(everyMs);
    }
  },
);

property("what the share allows is allowed", 100, async (random) => {
  const share = random.pick([0.1, 0.2, 0.5, 1]);
  const clock = new ManualClock();
  const budget = new RetryBudget({ share, minPerSecond: 0, clock });
  const { calls, retries }: History = { calls: [], retries: [] };
  for (let step = 0; step < 300; step++) {
    if (random.bool(0.7)) {
      budget.deposit();
      calls.push(clock.monotonic());
    } else {
      const oldest = (Math.floor(clock.monotonic() / 100) - 9) * 100;
      const made = countIn(retries, oldest, Infinity);
      const allowed = share * countIn(calls, oldest, Infinity);
      assertEquals(budget.withdraw(), made + 1 <= allowed);
      if (made + 1 <= allowed) retries.push(clock.monotonic());
    }
    await clock.advance(random.int(0, 60));
  }
});

/** What an upstream gets that is asked so often and fails for a while. */
async function outage(options: {
  readonly callsPerSecond: number;
  readonly attempts: number;
  readonly calmMs: number;
  readonly outageMs: number;
  readonly random: () => number;
}) {
  const { callsPerSecond, attempts, calmMs, outageMs, random } = options;
  const clock = new ManualClock();
  const [share, minPerSecond] = [0.2, 3];
  const budget = new RetryBudget({ share, minPerSecond, clock });
  const end = calmMs + outageMs;
  let hits = 0;
  const origin: Source = () => {
    const isDown = clock.monotonic() >= calmMs && clock.monotonic() < end;
    if (isDown) hits++;
    const status = isDown ? 503 : 200;
    const body = Body.of(new Uint8Array());
    return Promise.resolve({ status, headers: new Headers(), body });
  };
  const source = retry({
    attempts,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET"]),
    budget,
    clock,
    random,
  })(origin);
  let calls = 0;
  const asked: Promise<unknown>[] = [];
  while (clock.monotonic() < end) {
    if (clock.monotonic() >= calmMs) calls++;
    asked.push(source(testCall(), testContext({ deadline: clock.monotonic() + 10_000 })));
    await clock.advance(1000 / callsPerSecond);
  }
  await clock.advance(20_000);
  await Promise.all(asked);
  assertEquals(clock.sleeping, 0);
  const seconds = outageMs / 1000;
  return { calls, hits, retries: hits - calls, most: share * calls + minPerSecond * (seconds + 1) };
}

Deno.test("an upstream that fails for ten seconds gets 1.2 times its calls, and the minimum", async () => {
  for (const attempts of [2, 3, 10]) {
    const { hits, calls, most } = await outage({
      callsPerSecond: 100,
      attempts,
      calmMs: 20_000,
      outageMs: 10_000,
      random: () => 0.5,
    });
    assertEquals(calls, 1000);
    assert(hits <= calls + most, `${hits} hits with ${attempts} attempts`);
    assert(hits > 1.15 * calls, `only ${hits} hits: the budget was not used`);
  }
});

Deno.test("an upstream that fails from the beginning gets no more", async () => {
  const { hits, calls, most } = await outage({
    callsPerSecond: 100,
    attempts: 3,
    calmMs: 0,
    outageMs: 10_000,
    random: () => 0.5,
  });
  assert(hits <= calls + most, `${hits} hits for ${calls} calls`);
});

for (
  const [what, calmMs, outageMs] of [
    ["one second", 20_000, 1_000],
    ["ten seconds that begin within one", 20_500, 10_000],
    ["eleven seconds", 20_000, 11_000],
    ["a minute", 20_000, 60_000],
  ] as const
) {
  Deno.test(`an outage of ${what} after a calm time is not multiplied either`, async () => {
    const { retries, most, calls } = await outage({
      callsPerSecond: 100,
      attempts: 5,
      calmMs,
      outageMs,
      random: () => 0.5,
    });
    assert(retries <= most, `${retries} retries for ${calls} calls, ${most} promised`);
  });
}
