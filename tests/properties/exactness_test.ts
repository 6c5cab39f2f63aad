import { assertEquals } from "@std/assert";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import type { Limit } from "../../lib/limiter/limit.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type { BucketStore } from "../../lib/limiter/stores/bucket_store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";
import { LEASE_ADVERSARIES } from "./lease_adversaries.ts";
import { checkPromises, LEASED_PROMISES } from "./limiter_checks.ts";
import { anyScenario, leasedScenario, withResets, World } from "./limiter_world.ts";
import { ahead, setBack } from "./set_back.ts";

/** How many worlds; `SEEDS=100000 deno test …` tries more. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 150);
const PATIENT = { signal: new AbortController().signal, deadline: Infinity };

property("the limiter's promises hold in any world", RUNS, async (random) => {
  const world = new World(random, anyScenario(random), (options) => new Limiter(options));
  await world.run();
  checkPromises(world);
});

property("the limiter's promises hold where tokens are leased", RUNS, async (random) => {
  const world = new World(random, leasedScenario(random), (options) => new Limiter(options));
  await world.run();
  checkPromises(world, LEASED_PROMISES);
});

property("the promise holds anew from each reset on", RUNS, async (random) => {
  const isLeased = random.bool();
  const scenario = isLeased ? leasedScenario(random) : anyScenario(random);
  const world = new World(random, withResets(scenario, random), (options) => new Limiter(options));
  await world.run();
  checkPromises(world, isLeased ? LEASED_PROMISES : undefined);
});

for (const [name, adversary] of Object.entries(LEASE_ADVERSARIES)) {
  Deno.test(`no more than a burst at one moment when ${name}`, async () => {
    await adversary((options) => new Limiter(options));
  });
}

property(
  "a lone client that waits as told is admitted, a moment sooner not",
  RUNS,
  async (random) => {
    const { clock, limiter, limit } = place(random);
    for (let round = 0; round < 5; round++) {
      await empty(limiter, limit);
      await clock.advance(random.int(0, 300));
      const charge = { key: "key", limit, tokens: random.int(1, burstOf(limit)) };
      const told = await limiter.take([charge], PATIENT);
      if (told.outcome !== "denied") continue;
      await clock.advance(told.retryAfterMs - 1);
      const early = await limiter.take([charge], PATIENT);
      assertEquals(early.outcome, "denied", "a millisecond too early");
      await clock.advance(1);
      const again = await limiter.take([charge], PATIENT);
      assertEquals(again.outcome, "admitted", `after the ${told.retryAfterMs} ms it was told`);
    }
  },
);

property("a lone client is told the truth where clocks differ", RUNS, async (random) => {
  const { ask, clock } = await machines(random);
  const asking = random.int(0, 1);
  const told = await ask(asking);
  if (told.outcome !== "denied") return;
  await clock.advance(told.retryAfterMs);
  const again = await ask(asking);
  assertEquals(again.outcome, "admitted", `after the ${told.retryAfterMs} ms it was told`);
});

property("a lone client may come back to another machine", RUNS, async (random) => {
  const { ask, clock } = await machines(random);
  const asking = random.int(0, 1);
  const told = await ask(asking);
  if (told.outcome !== "denied") return;
  await clock.advance(told.retryAfterMs);
  const again = await ask(1 - asking);
  assertEquals(again.outcome, "admitted", `after the ${told.retryAfterMs} ms it was told`);
});

property(
  "a wall clock that is set back locks nobody out",
  RUNS,
  (random) => setBack(random, (options) => new Limiter(options)),
);

const REST = { random: () => 0.5, maxBuckets: 10 };

/** Two machines, their clocks as far apart as may be, whose bucket one of them has emptied. */
async function machines(random: Random) {
  const skewMs = 500;
  const { clock, store: plain, limit } = place(random);
  const store: BucketStore = Object.assign(plain, { skewMs });
  const tokens = random.int(1, burstOf(limit));
  const start = (index: number) =>
    new Limiter({ store, clock: ahead(clock, index * skewMs), ...REST });
  await empty(start(random.int(0, 1)), limit);
  return {
    clock,
    /** Asks a machine that remembers nothing. */
    ask: (index: number) => start(index).take([{ key: "key", limit, tokens }], PATIENT),
  };
}

function place(random: Random) {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const shape = bucketShape(random.int(1, 30), random.pick([1_000, 7_777]), random.int(1, 8));
  const limit: Limit = { name: "it", shape, waitMs: 0, queue: 1, onStoreFailure: "closed" };
  return { clock, store, limit, limiter: new Limiter({ store, clock: ahead(clock, 0), ...REST }) };
}

/** Takes tokens one by one until there are none. */
async function empty(limiter: Limiter, limit: Limit): Promise<void> {
  while (true) {
    const { outcome } = await limiter.take([{ key: "key", limit, tokens: 1 }], PATIENT);
    if (outcome !== "admitted") return;
  }
}

function burstOf({ shape: { capacity, perToken } }: Limit): number {
  return capacity / perToken;
}
