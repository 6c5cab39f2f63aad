import { assert, assertEquals, assertRejects } from "@std/assert";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { Random } from "../support/random.ts";
import { LEASE_ADVERSARIES, type LeaseAdversary } from "./lease_adversaries.ts";
import { checkPromises, type PromiseName, PROMISES } from "./limiter_checks.ts";
import {
  anyScenario,
  leasedScenario,
  type NewLedger,
  type NewLimiter,
  NO_TROUBLE,
  type Scenario,
  withResets,
  World,
} from "./limiter_world.ts";
import { mutated } from "./mutated.ts";
import { setBack } from "./set_back.ts";

/** How many worlds a wrong limiter may survive. */
const MOST_WORLDS = 400;

/** A way of being wrong. */
interface Mutant {
  /** The module that is wrong, and the file of `mutants/` that takes its place. */
  readonly module: string;
  readonly by: string;
  /** The promise that it breaks. */
  readonly breaks: PromiseName;
}

const MINTS = "a level is what was there, less what was let out, and what came back";
const IDEAL = "an ideal bucket would have had every token that was let out";
const WINDOW = "no window lets out more than burst + rate x (window + skew)";
const ALL = "all charges of a request are taken in one commit, or none";
const FIRST = "an early request is not overtaken by a later one";

const MUTANTS: Readonly<Record<string, Mutant>> = {
  "fills in fractions": { module: "bucket.ts", by: "float_refill.ts", breaks: MINTS },
  "fills without end": { module: "bucket.ts", by: "no_capacity.ts", breaks: IDEAL },
  "goes back with a clock that is behind": {
    module: "bucket.ts",
    by: "rewinding.ts",
    breaks: IDEAL,
  },
  "refunds old tokens in full": { module: "bucket.ts", by: "full_refund.ts", breaks: IDEAL },
  "refunds tokens twice": { module: "bucket.ts", by: "double_refund.ts", breaks: IDEAL },
  "expires records too early": { module: "bucket.ts", by: "early_expiry.ts", breaks: WINDOW },
  "charges denied requests": { module: "plan.ts", by: "denied_pays.ts", breaks: MINTS },
  "takes some charges of a request": { module: "plan.ts", by: "half_taken.ts", breaks: ALL },
  "lets small requests overtake large ones": {
    module: "plan.ts",
    by: "overtaking.ts",
    breaks: FIRST,
  },
};

for (const [name, { module, by, breaks }] of Object.entries(MUTANTS)) {
  Deno.test(`a limiter that ${name} breaks a promise`, async () => {
    await using mutant = await mutated(module, replacedBy(by));
    assertEquals(await isCaught(mutant.newLimiter, breaks, anyScenario), true);
  });
}

/** A rule of leases, and how it reads when it is broken. */
interface BrokenRule {
  /** Who sees it; any world with leases, when nobody is named. */
  readonly seenBy?: LeaseAdversary;
  readonly module: string;
  readonly right: string;
  readonly wrong: string;
}

const BROKEN_RULES: Readonly<Record<string, BrokenRule>> = {
  "spends leases forever": {
    module: "held_leases.ts",
    right: "return ageMs(grantedAt, now) >= this.termMs;",
    wrong: "return ageMs(grantedAt, now) >= Infinity;",
  },
  "ends leases by the monotonic clock alone": {
    seenBy: "a monotonic clock stands still",
    module: "held_leases.ts",
    right: "return ageMs(grantedAt, now) >= this.termMs;",
    wrong: "return now.monotonic - grantedAt.monotonic >= this.termMs;",
  },
  "counts a lease's term from the store's reply": {
    seenBy: "the store is slow to grant a lease",
    module: "transactions.ts",
    right: "grantedAt: context.now, resetAt }",
    wrong: "grantedAt: instantOf(this.#options.clock), resetAt }",
  },
  "leases without lowering the bucket": {
    module: "lease.ts",
    right: "Math.min(level.units, capacity - perMs * termMs)",
    wrong: "Math.min(level.units, capacity + 0 * perMs * termMs)",
  },
  "returns leased tokens in full": {
    seenBy: "a lease comes back when another has lowered the bucket",
    module: "tracked_bucket.ts",
    right: "refund(level, this.shape, tokens, Math.ceil(age))",
    wrong: "refund(level, this.shape, tokens, isLeased ? 0 : Math.ceil(age))",
  },
  "refunds what a lowered bucket has lost already": {
    seenBy: "what was taken comes back after the bucket was lowered",
    module: "tracked_bucket.ts",
    right: "(isLowered ? this.leases.termMs : 0)",
    wrong: "(isLowered ? 0 : 0)",
  },
  "returns leased tokens and spends them": {
    module: "held_leases.ts",
    right: "this.#leases = NONE;\n    return all.map(emptied);",
    wrong: "return all.map((lease) => ({ lease, tokens: lease.tokens }));",
  },
  "spends what it has leased twice": {
    module: "held_leases.ts",
    right: "lease.tokens -= part;",
    wrong: "lease.tokens -= part / 2;",
  },
};

for (const [name, { seenBy, module, right, wrong }] of Object.entries(BROKEN_RULES)) {
  Deno.test(`a limiter that ${name} breaks a promise`, async () => {
    await using mutant = await mutated(module, (source) => {
      assert(source.includes(right), `${module} reads otherwise now`);
      return source.replace(right, wrong);
    });
    if (seenBy) await assertRejects(() => LEASE_ADVERSARIES[seenBy](mutant.newLimiter));
    else assertEquals(await isCaught(mutant.newLimiter, IDEAL, leasedScenario), true);
  });
}

/** How a reset could be wrong, and in which worlds that shows. */
interface BrokenReset extends Omit<BrokenRule, "seenBy"> {
  readonly worlds: (random: Random) => Scenario;
}

const BROKEN_RESETS: Readonly<Record<string, BrokenReset>> = {
  "refunds what was taken before": {
    worlds: anyScenario,
    module: "tracked_bucket.ts",
    right: "if (resetAt !== level.resetAt) continue;",
    wrong: "",
  },
  "does not wait for leases to end": {
    worlds: leasedScenario,
    module: "ledger.ts",
    right: "level && leasedMs > 0",
    wrong: "level && leasedMs > Infinity",
  },
};

for (const [name, { worlds, module, right, wrong }] of Object.entries(BROKEN_RESETS)) {
  Deno.test(`a reset that ${name} breaks a promise`, async () => {
    await using mutant = await mutated(module, (source) => {
      assert(source.includes(right), `${module} reads otherwise now`);
      return source.replace(right, wrong);
    });
    const { newLimiter, newLedger } = mutant;
    const scenarioOf = (random: Random) => withResets(worlds(random), random);
    assertEquals(await isCaught(newLimiter, IDEAL, scenarioOf, newLedger), true);
  });
}

Deno.test("a limiter that takes a conflict for a success breaks a promise", async () => {
  await using right = await mutated();
  const deaf: NewLimiter = ({ store, ...options }) => {
    const { maxWrites, concurrency, skewMs } = store;
    return right.newLimiter({
      ...options,
      store: {
        maxWrites,
        concurrency,
        skewMs,
        read: (keys) => store.read(keys),
        commit: async (writes) => await store.commit(writes) ?? "1",
      },
    });
  };
  assertEquals(await isCaught(deaf, ALL, anyScenario), true);
});

Deno.test("a limiter that takes a commit sent twice for a conflict breaks a promise", async () => {
  const right = "tookMs >= (store.repeatsAfterMs ?? Infinity)";
  await using mutant = await mutated("transactions.ts", (source) => {
    assert(source.includes(right), "transactions.ts reads otherwise now");
    return source.replace(right, "tookMs === Infinity");
  });
  const repeating = (random: Random) => ({
    ...anyScenario(random),
    troubles: { ...NO_TROUBLE, giveBack: 0.5, repeat: 0.3 },
  });
  assertEquals(await isCaught(mutant.newLimiter, IDEAL, repeating), true);
});

Deno.test("a limiter that rounds a wait down sends a lone client back too early", async () => {
  for (const [module, isTruth] of [[undefined, true], ["bucket.ts", false]] as const) {
    await using made = await mutated(module, replacedBy("hasty_wait.ts"));
    const clock = new ManualClock();
    const limiter = made.newLimiter({
      store: new MemoryStore(clock),
      clock,
      random: () => 0,
      maxBuckets: 10,
    });
    const shape = bucketShape(3, 1000, 1);
    const limit = { name: "it", shape, waitMs: 0, queue: 0, onStoreFailure: "closed" } as const;
    const ask = () =>
      limiter.take([{ key: "it", limit, tokens: 1 }], {
        signal: new AbortController().signal,
        deadline: Infinity,
      });
    await ask();
    const denied = await ask();
    await clock.advance(denied.outcome === "denied" ? denied.retryAfterMs : 0);
    assertEquals((await ask()).outcome === "admitted", isTruth);
  }
});

Deno.test("a limiter that does not pull back a future time locks a client out", async () => {
  await using mutant = await mutated("bucket.ts", replacedBy("future_kept.ts"));
  let caught = false;
  await setBack(new Random(1), mutant.newLimiter).catch(() => caught = true);
  assertEquals(caught, true);
});

Deno.test("the right limiter, made in the same way, keeps them all", async () => {
  await using right = await mutated();
  for (let seed = 1; seed <= 100; seed++) {
    const random = new Random(seed);
    const world = new World(random, anyScenario(random), right.newLimiter);
    await world.run();
    checkPromises(world);
  }
  await setBack(new Random(1), right.newLimiter);
});

/** Whether a promise is broken in one of some worlds. */
async function isCaught(
  newLimiter: NewLimiter,
  breaks: PromiseName,
  scenarioOf: (random: Random) => Scenario,
  newLedger?: NewLedger,
): Promise<boolean> {
  for (let seed = 1; seed <= MOST_WORLDS; seed++) {
    const random = new Random(seed);
    const world = new World(random, scenarioOf(random), newLimiter, newLedger);
    await world.run();
    try {
      PROMISES[breaks](world);
    } catch {
      return true;
    }
  }
  return false;
}

/** Puts a file of `mutants/` in a module's place. */
function replacedBy(file: string): (source: string) => string {
  return () => `export * from "${new URL(`mutants/${file}`, import.meta.url)}";`;
}
