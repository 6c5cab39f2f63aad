import { assert } from "@std/assert";
import { VirtualClock } from "../../../../bench/simulate/virtual_clock.ts";
import type { Source } from "../../../../lib/core/source.ts";
import { json } from "../../../../lib/json/json_reply.ts";
import { hedge } from "../../../../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../../../../lib/policies/hedge/hedge_budget.ts";
import { type HedgeAfter, HedgeDelay } from "../../../../lib/policies/hedge/hedge_delay.ts";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import { testCall, testContext } from "../../../support/context.ts";
import { property, type Random } from "../../../support/random.ts";

const REPLY = json(1);

/** What callers saw, and what it cost. */
interface Seen {
  /** The 99th percentile of the latency (ms). */
  readonly p99: number;
  /** Calls that reached the upstream, for each call that was made. */
  readonly calls: number;
}

/** Has an upstream called with a hundred calls a second, of which some are slow. */
async function simulate(
  { random, after, slow }: {
    readonly random: Random;
    /** Undefined for no hedging. */
    readonly after?: HedgeAfter;
    /** The share of the calls that take 20 times as long. */
    readonly slow: number;
  },
): Promise<Seen> {
  const total = 4_000;
  const clock = new VirtualClock();
  let calls = 0;
  const upstream: Source = async (_call, { signal }) => {
    calls++;
    const ms = random.int(5_000, 15_000) / 1000;
    await clock.sleep(random.bool(slow) ? 20 * ms : ms, signal);
    return REPLY;
  };
  const source = after
    ? hedge({
      delay: new HedgeDelay(after, clock),
      budget: new HedgeBudget(0.05),
      retryBudget: new RetryBudget({ share: 0.2, minPerSecond: 3, clock }),
      countsCalls: true,
      methods: new Set(["GET"]),
      clock,
    })(upstream)
    : upstream;
  const latencies: number[] = [];
  let at = 0;
  for (let index = 0; index < total; index++) {
    at += random.int(0, 20);
    clock.at(at, async () => {
      const startedAt = clock.monotonic();
      await source(testCall(), testContext());
      latencies.push(clock.monotonic() - startedAt);
    });
  }
  await clock.runUntil(() => latencies.length === total);
  latencies.sort((a, b) => a - b);
  return { p99: latencies[Math.floor(0.99 * total)] ?? NaN, calls: calls / total };
}

property(
  "hedging halves p99 where 2 % of calls take 20 times as long, for 5 % more calls",
  3,
  async (random) => {
    const plain = await simulate({ random, slow: 0.02 });
    for (const after of [{ quantile: 0.95 }, { ms: 20 }]) {
      const hedged = await simulate({ random, slow: 0.02, after });
      const told = `p99 ${plain.p99} -> ${hedged.p99} ms, ${hedged.calls} calls each`;
      assert(hedged.p99 <= plain.p99 / 2, told);
      assert(hedged.calls <= 1.05, told);
    }
  },
);

property(
  "hedging an upstream whose calls are all slow makes no more than 5 % more of them",
  3,
  async (random) => {
    const { calls } = await simulate({ random, slow: 1, after: { ms: 20 } });
    assert(calls <= 1.05, `${calls}`);
  },
);
