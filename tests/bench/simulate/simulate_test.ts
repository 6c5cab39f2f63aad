import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { LOCAL } from "../../../bench/simulate/default_scenarios.ts";
import { judge, type Score } from "../../../bench/simulate/judge.ts";
import {
  DEFAULT_SCENARIO,
  type Scenario,
  SHAPES,
  SPREADS,
} from "../../../bench/simulate/scenario.ts";
import { simulate } from "../../../bench/simulate/simulate.ts";
import { type StartLimiter, startLimiter } from "../../../bench/simulate/start_limiter.ts";
import { bucketShape } from "../../../lib/limiter/bucket.ts";
import { MemoryStore } from "../../../lib/limiter/stores/memory_store.ts";
import type { BucketStore } from "../../../lib/limiter/stores/bucket_store.ts";
import { mutated } from "../../properties/mutated.ts";
import { property, type Random } from "../../support/random.ts";

const SMALL: Scenario = {
  ...DEFAULT_SCENARIO,
  requests: 1_000,
  processes: 4,
  rate: 200,
  burst: 50,
  load: 2,
};

/** A bucket of which tokens are leased. */
const LEASED = { requests: 4_000, processes: 4, rate: 400, burst: 200, latencyMs: 10 } as const;

async function play(scenario: Scenario, start?: StartLimiter): Promise<Score> {
  return judge(scenario, await simulate(scenario, start));
}

for (const shape of SHAPES) {
  Deno.test(`simulate: ${shape} traffic is answered in full and within its limits`, async () => {
    const scenario = { ...SMALL, shape };
    const verdict = await play(scenario);
    const { requests, admitted, denied, unavailable, ideal, needless } = verdict;
    assertEquals(requests, scenario.requests);
    assertEquals(admitted + denied + unavailable, requests);
    assertEquals(verdict.excess, 0);
    assertEquals(unavailable, 0);
    assert(ideal > 0 && ideal <= requests, `${ideal} of ${requests}`);
    assert(needless <= denied);
    assert(admitted > 0.9 * ideal, `${admitted} admitted, not ${ideal}`);
    assert(verdict.conflicts < verdict.commits);
    assert(verdict.p50 <= verdict.p99);
    assert(verdict.mostToLeast >= 1);
  });

  Deno.test(`simulate: ${shape} traffic comes again with its seed`, async () => {
    const scenario = { ...SMALL, shape, losing: 0.02, failing: 0.02, hanging: 0.01 };
    const first = await simulate(scenario);
    assertEquals(await simulate(scenario), first);
    assertNotEquals((await simulate({ ...scenario, seed: 2 })).requests, first.requests);
  });
}

property("a simulated limiter never lets out too much", 40, async (random) => {
  const scenario = anyScenario(random);
  const verdict = await play(scenario);
  assertEquals(verdict.excess, 0, JSON.stringify(scenario));
  assertEquals(verdict.admitted + verdict.denied + verdict.unavailable, scenario.requests);
});

function anyScenario(random: Random): Scenario {
  const skewMs = random.pick([0, 0, 20, 500]);
  const rare = () => random.pick([0, 0, 0.01, 0.05]);
  return {
    ...DEFAULT_SCENARIO,
    shape: random.pick(SHAPES),
    spread: random.pick(SPREADS),
    requests: 400,
    processes: random.int(1, 8),
    clients: random.int(1, 20),
    rate: random.int(1, 700),
    burst: random.int(1, 100),
    load: random.pick([0.8, 2, 10]),
    latencyMs: random.pick([0, 0.3, 5, 100]),
    capacity: random.pick([Infinity, 100]),
    failing: rare(),
    hanging: rare(),
    losing: rare(),
    skewMs,
    apartMs: skewMs === 0 ? 0 : random.int(0, skewMs),
    seed: random.int(0, 1_000_000),
  };
}

/** Puts something between the limiter and its store. */
function over(wrap: (store: BucketStore) => Partial<BucketStore>): StartLimiter {
  return ({ store, ...rest }) => {
    const { maxWrites, concurrency, skewMs } = store;
    const plain: BucketStore = {
      maxWrites,
      concurrency,
      skewMs,
      read: (keys) => store.read(keys),
      commit: (writes) => store.commit(writes),
    };
    return startLimiter({ ...rest, store: { ...plain, ...wrap(store) } });
  };
}

Deno.test("simulate sees a limiter that believes every commit held", async () => {
  const gullible = over((store) => ({
    commit: async (writes) => await store.commit(writes) ?? "held",
  }));
  const { excess } = await play({ ...SMALL, shape: "hot" }, gullible);
  assert(excess > 1, `${excess} tokens too much`);
});

Deno.test("simulate sees processes that share nothing", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", load: 10 };
  const { excess, admitted, ideal } = await play(
    scenario,
    (options) => startLimiter({ ...options, store: new MemoryStore(options.clock) }),
  );
  assert(excess > 2 * scenario.burst, `${excess} tokens too much`);
  assert(admitted > 2 * ideal, `${admitted} admitted, not ${ideal}`);
});

Deno.test("simulate sees a single token too much", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", processes: 1, latencyMs: 0, load: 10 };
  const { excess } = await play(scenario, (options) => {
    const limiter = startLimiter(options);
    const shape = bucketShape(scenario.rate, 1_000, scenario.burst + 1);
    return {
      take: (charges, patience) =>
        limiter.take(
          charges.map((charge) => ({ ...charge, limit: { ...charge.limit, shape } })),
          patience,
        ),
    };
  });
  assertEquals(excess, 1);
});

/** Rules of leases, and how they read when they are broken. */
const BROKEN_RULES = {
  "leases without lowering the bucket": {
    spread: "skewed",
    module: "lease.ts",
    right: "Math.min(level.units, capacity - perMs * termMs)",
    wrong: "level.units",
  },
  "spends what it has leased twice": {
    spread: "even",
    module: "held_leases.ts",
    right: "lease.tokens -= part;",
    wrong: "lease.tokens -= part / 2;",
  },
} as const;

for (const [name, { spread, module, right, wrong }] of Object.entries(BROKEN_RULES)) {
  Deno.test(`simulate sees a limiter that ${name}`, async () => {
    const scenario: Scenario = { ...DEFAULT_SCENARIO, ...LEASED, spread, load: 2 };
    await using broken = await mutated(module, (source) => {
      assert(source.includes(right), `${module} reads otherwise now`);
      return source.replace(right, wrong);
    });
    const { excess } = await play(scenario, broken.newLimiter);
    assert(excess > 1, `${excess} tokens too much`);
    assertEquals((await play(scenario)).excess, 0);
  });
}

Deno.test("simulate detects clocks that differ by more than the limiter allows for", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", apartMs: 2_000, load: 10 };
  assert((await play(scenario)).excess > 1);
  assertEquals((await play({ ...scenario, skewMs: 2_000 })).excess, 0);
});

Deno.test("simulate sees denials without a reason", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", load: 0.5 };
  const verdict = await play(scenario, () => ({
    take: () => ({ outcome: "denied", buckets: [], violated: [], retryAfterMs: 1 }),
  }));
  assertEquals(verdict.needless, verdict.requests);
  assertEquals(verdict.admitted, 0);
  assertEquals(verdict.ideal, verdict.requests);
  assertEquals(verdict.excess, 0);
});

Deno.test("simulate sees one process that gets everything", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot" };
  let started = 0;
  const { mostToLeast } = await play(scenario, () => {
    const outcome = started++ === 0 ? "admitted" as const : "unavailable" as const;
    return {
      take: () =>
        outcome === "admitted"
          ? { outcome, buckets: [], at: { wall: 0, monotonic: 0 }, refund: () => {} }
          : { outcome },
    };
  });
  assertEquals(mostToLeast, Infinity);
});

Deno.test("simulate fails when a limiter leaves requests undecided, or throws", async () => {
  await assertRejects(
    () => simulate(SMALL, () => ({ take: () => new Promise(() => {}) })),
    Error,
    "the limiter left 1000 requests undecided",
  );
  await assertRejects(
    () => simulate(SMALL, () => ({ take: () => Promise.reject(new Error("broken")) })),
    Error,
    "broken",
  );
});

Deno.test("simulate: a lone process close to its store needs no read, and denies nothing", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", processes: 1, load: 0.5 };
  const verdict = await play(scenario);
  assertEquals([verdict.reads, verdict.conflicts, verdict.denied], [0, 0, 0]);
  assertEquals(verdict.admitted, verdict.ideal);
  // There and back, half as long again at most; and once more for who has to wait for the next.
  assert(verdict.p99 <= 2 * 15 && verdict.p50 >= 5, `${verdict.p50} to ${verdict.p99} ms`);
});

Deno.test("simulate: without the store a closed limit refuses, an open one does not", async () => {
  const scenario: Scenario = { ...SMALL, shape: "hot", failing: 1 };
  const closed = await play(scenario);
  assertEquals([closed.unavailable, closed.commits], [scenario.requests, 0]);
  const open = await play({ ...scenario, onStoreFailure: "open" });
  assertEquals(open.admitted, scenario.requests);
  assert(open.excess > 0);
});

for (const latencyMs of [0.3, 10, 20]) {
  Deno.test(`simulate: a busy client ${latencyMs} ms from the store hardly ever waits for it`, async () => {
    // For a minute: where it begins, the first lease has to come.
    const scenario = { ...DEFAULT_SCENARIO, processes: 1, latencyMs, requests: 48_000 };
    const verdict = await play(scenario);
    assertEquals([verdict.admitted, verdict.excess], [verdict.ideal, 0]);
    assert(verdict.commits <= 0.01 * verdict.requests, `${verdict.commits} commits`);
    assert(verdict.busyP99 <= 1, `${verdict.busyP99} ms`);
  });
}

for (const processes of [2, 4, 16]) {
  Deno.test(`simulate: ${processes} processes close to their store share a busy client`, async () => {
    const scenario = { ...DEFAULT_SCENARIO, ...LOCAL, processes };
    const verdict = await play(scenario);
    assertEquals([verdict.admitted, verdict.excess], [verdict.ideal, 0]);
    assert(verdict.atHand >= 0.9 * verdict.requests, `${verdict.atHand} at hand`);
    assert(verdict.conflicts <= 0.2 * verdict.commits, `${verdict.conflicts} conflicts`);
    assert(verdict.p99 <= 50 && verdict.mostToLeast <= 1.5);
  });
}
