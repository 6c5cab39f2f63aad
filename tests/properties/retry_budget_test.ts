import { assert, assertEquals } from "@std/assert";
import { RetryBudget } from "../../lib/policies/retry/retry_budget.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

interface Retry {
  readonly at: number;
  /** Until when it may be given back; it never is when that is past. */
  readonly leavesAt: number;
}

/** What a budget saw: the moments of all calls, and of the retries that were made in the end. */
interface History {
  readonly share: number;
  readonly minPerSecond: number;
  readonly calls: readonly number[];
  readonly retries: readonly number[];
}

/** Calm and outages in turn, with moments between the milliseconds, and callers that leave. */
async function play(random: Random, startsCalm: boolean): Promise<History> {
  const share = random.pick([0, 0.1, 0.2, 0.5, 1]);
  const minPerSecond = random.int(0, 5);
  const clock = new ManualClock();
  const budget = new RetryBudget({ share, minPerSecond, clock });
  const calls: number[] = [];
  const made: number[] = [];
  let waiting: Retry[] = [];
  await clock.advance(random.int(0, 2_000) / 7);
  for (let phase = startsCalm ? 0 : 1; phase < 5; phase++) {
    const failures = phase % 2 === 0 ? 0 : random.int(1, 9);
    const everyMs = random.pick([3, 40, 300, 900]);
    const end = clock.monotonic() + random.int(50, 60 * everyMs);
    while (clock.monotonic() < end) {
      const now = clock.monotonic();
      for (let more = random.int(0, 3); more > 0; more--) {
        budget.deposit();
        calls.push(now);
      }
      for (let more = failures; more > 0 && budget.withdraw(now); more--) {
        const leavesAt = random.bool(0.2) ? now + random.int(0, 2_500) : Infinity;
        if (leavesAt === Infinity) made.push(now);
        else waiting.push({ at: now, leavesAt });
      }
      for (const { at } of waiting.filter(({ leavesAt }) => leavesAt <= now)) budget.giveBack(at);
      waiting = waiting.filter(({ leavesAt }) => leavesAt > now);
      await clock.advance(random.int(0, 14 * everyMs) / 7);
    }
  }
  return { share, minPerSecond, calls, retries: made };
}

function countIn(times: readonly number[], from: number, to: number): number {
  return times.filter((at) => at >= from && at <= to).length;
}

property(
  "in any w seconds retries are at most the share of the calls in them and the second before, and w + 1 times the minimum",
  200,
  async (random) => {
    const { share, minPerSecond, calls, retries } = await play(random, true);
    for (let times = 0; times < 60 && retries.length > 0; times++) {
      // From one retry to another: there the bound is tightest.
      const [from, to] = [random.pick(retries), random.pick(retries)].toSorted((a, b) => a - b);
      assert(from !== undefined && to !== undefined);
      const counted = countIn(calls, from - 1_000, to);
      const most = share * counted + minPerSecond * ((to - from) / 1_000 + 1);
      const count = countIn(retries, from, to);
      assert(count <= most + 1e-6, `${count} retries from ${from} to ${to}, ${most} allowed`);
    }
  },
);

property(
  "in any w seconds the minimum alone allows at most w + 1 times the minimum, and not less than once each second",
  200,
  async (random) => {
    const minPerSecond = random.int(1, 5);
    const clock = new ManualClock();
    const budget = new RetryBudget({ share: 0, minPerSecond, clock });
    const retries: number[] = [];
    while (clock.monotonic() < 10_000) {
      const now = clock.monotonic();
      while (budget.withdraw(now)) retries.push(now);
      assertEquals(retries.filter((at) => at > now - 1_000).length, minPerSecond);
      await clock.advance(random.int(0, 7_000) / 7);
    }
    for (const [first, from] of retries.entries()) {
      for (const [index, to] of retries.slice(first).entries()) {
        const most = minPerSecond * ((to - from) / 1_000 + 1);
        assert(index + 1 <= most + 1e-6, `${index + 1} from ${from} to ${to}, ${most} allowed`);
      }
    }
  },
);

property(
  "an upstream that fails from its first call on gets at most the share of its calls, and the minimum",
  200,
  async (random) => {
    const { share, minPerSecond, calls, retries } = await play(random, false);
    const beginning = Math.min(calls[0] ?? Infinity, retries[0] ?? Infinity);
    for (const [index, at] of retries.entries()) {
      const seconds = (at - beginning) / 1_000;
      const most = share * countIn(calls, beginning, at) + minPerSecond * (seconds + 1);
      assert(index + 1 <= most + 1e-6, `${index + 1} until ${at}, ${most} allowed`);
    }
  },
);

property("who always leaves costs nobody anything", 100, async (random) => {
  const clock = new ManualClock();
  const share = random.pick([0, 0.2, 1]);
  const budget = new RetryBudget({ share, minPerSecond: random.int(0, 5), clock });
  const free = () => {
    let retries = 0;
    while (budget.withdraw()) retries++;
    for (let given = 0; given < retries; given++) budget.giveBack(clock.monotonic());
    return retries;
  };
  for (let step = 0; step < 100; step++) {
    if (random.bool()) budget.deposit();
    const before = free();
    assertEquals(free(), before);
    await clock.advance(random.int(0, 70));
  }
});
