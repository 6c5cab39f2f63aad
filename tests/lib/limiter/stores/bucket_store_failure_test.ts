import { assert, assertEquals, assertRejects } from "@std/assert";
import { GuardedStore } from "../../../../lib/limiter/stores/guarded_store.ts";
import { bucketShape } from "../../../../lib/limiter/bucket.ts";
import type { Decision, Limit, OnStoreFailure } from "../../../../lib/limiter/limit.ts";
import { Limiter } from "../../../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../../../lib/limiter/stores/memory_store.ts";
import type { BucketStore, BucketWrite } from "../../../../lib/limiter/stores/bucket_store.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";
import { testGuard } from "../../../support/test_guard.ts";

const TIMEOUT_MS = 250;
/** The longest that a lost store is left alone. */
const REST_MS = 1_000;

/** One token a second, five at once. */
function limitThat(onStoreFailure: OnStoreFailure, waitMs = 0): Limit {
  const shape = bucketShape(1, 1_000, 5);
  return { name: onStoreFailure, shape, waitMs, queue: 5, onStoreFailure };
}

/** A store in memory that fails, or stalls, for as long as a test says. */
class FragileStore implements BucketStore {
  readonly maxWrites = 100;
  readonly concurrency = 16;
  readonly skewMs = 0;
  mood: "well" | "fails" | "stalls" | "slow" | "contended" = "well";
  /** How often it was asked. */
  asked = 0;
  readonly #store: MemoryStore;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
    this.#store = new MemoryStore(clock);
  }

  read(keys: readonly string[]) {
    return this.#do(() => this.#store.read(keys));
  }

  commit(writes: readonly BucketWrite[]) {
    return this.#do(() =>
      this.mood === "contended" ? Promise.resolve(undefined) : this.#store.commit(writes)
    );
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    this.asked++;
    if (this.mood === "fails") throw new Error("down");
    if (this.mood === "stalls") return await new Promise<T>(() => {});
    if (this.mood === "slow") await this.#clock.sleep(100);
    return await work();
  }
}

function start() {
  const clock = new ManualClock();
  const store = new FragileStore(clock);
  const changes: string[] = [];
  const log = (line: string) => changes.push(line);
  const guard = testGuard({ clock, timeoutMs: TIMEOUT_MS, log });
  const limiter = new Limiter({
    store: new GuardedStore(store, guard),
    clock,
    random: () => 0.5,
    maxBuckets: 100,
  });
  const take = (limit: Limit, { key = "key", tokens = 1, signal = QUIET } = {}) =>
    Promise.resolve(limiter.take([{ key, limit, tokens }], { signal, deadline: Infinity }));
  return { clock, store, changes, limiter, take };
}

const QUIET = new AbortController().signal;

async function outcomes(decisions: readonly Promise<Decision>[]): Promise<string[]> {
  return (await Promise.all(decisions)).map(({ outcome }) => outcome);
}

Deno.test("closed: no request is granted while the store is unavailable", async () => {
  const { store, take } = start();
  store.mood = "fails";
  assertEquals(await outcomes([take(limitThat("closed"))]), ["unavailable"]);
  assertEquals(await outcomes([take(limitThat("closed"))]), ["unavailable"]);
});

Deno.test("open: every request is granted while the store is unavailable", async () => {
  const { store, take } = start();
  store.mood = "fails";
  const decisions = Array.from({ length: 20 }, () => take(limitThat("open")));
  assertEquals(new Set(await outcomes(decisions)), new Set(["admitted"]));
});

Deno.test("local: this process counts by itself while the store is unavailable", async () => {
  const { clock, store, take } = start();
  store.mood = "fails";
  const decisions = Array.from({ length: 7 }, () => take(limitThat("local")));
  assertEquals(await outcomes(decisions), [...Array(5).fill("admitted"), "denied", "denied"]);
  await clock.advance(400);
  const denied = await take(limitThat("local"));
  assert(denied.outcome === "denied");
  assertEquals(denied.retryAfterMs, 600);
});

Deno.test("local: counting starts from the last known level", async () => {
  const { store, take } = start();
  await take(limitThat("local"), { tokens: 3 });
  store.mood = "fails";
  const decisions = Array.from({ length: 3 }, () => take(limitThat("local")));
  assertEquals(await outcomes(decisions), ["admitted", "admitted", "denied"]);
});

Deno.test("a closed limit denies a request that another would grant", async () => {
  const { store, limiter, take } = start();
  store.mood = "fails";
  const charges = [limitThat("closed"), limitThat("local")].map((limit) => ({
    key: limit.name,
    limit,
    tokens: 5,
  }));
  const decision = await limiter.take(charges, { signal: QUIET, deadline: Infinity });
  assertEquals(decision.outcome, "unavailable");
  const local = await take(limitThat("local"), { key: "local", tokens: 5 });
  assertEquals(local.outcome, "admitted", "nothing was taken locally");
});

Deno.test("a request is decided within the store's timeout while it stalls", async () => {
  const { clock, store, take } = start();
  store.mood = "stalls";
  const decided: string[] = [];
  for (let i = 0; i < 40; i++) {
    const since = clock.monotonic();
    take(limitThat("local"), { key: `key${i % 20}` }).then(() => {
      const waited = clock.monotonic() - since;
      decided.push(waited <= TIMEOUT_MS ? "in time" : `after ${waited} ms`);
    });
    await clock.advance(10);
  }
  await clock.advance(TIMEOUT_MS);
  assertEquals(decided, Array(40).fill("in time"));
  assertEquals(clock.sleeping, 0);
});

Deno.test("the loss of the store is reported once, and its return once", async () => {
  const { clock, store, changes, take } = start();
  store.mood = "fails";
  for (let i = 0; i < 5; i++) {
    await take(limitThat("open"));
    await clock.advance(REST_MS);
  }
  assertEquals(changes, ["the store cannot be written: down"]);
  store.mood = "well";
  await take(limitThat("open"));
  await take(limitThat("open"));
  assertEquals(changes, ["the store cannot be written: down", "the store is back"]);
});

Deno.test("a store that is back is used again by itself", async () => {
  const { clock, store, take } = start();
  store.mood = "fails";
  await take(limitThat("closed"));
  store.mood = "well";
  assertEquals(await outcomes([take(limitThat("closed"))]), ["unavailable"], "while it rests");
  await clock.advance(REST_MS);
  assertEquals(await outcomes([take(limitThat("closed"))]), ["admitted"]);
  assertEquals(await outcomes([take(limitThat("closed"))]), ["admitted"]);
});

Deno.test("one request at a time probes a lost store, and the others are decided locally", async () => {
  const { clock, store, take } = start();
  store.mood = "fails";
  await take(limitThat("open"));
  store.mood = "stalls";
  await clock.advance(REST_MS);
  const { asked } = store;
  const probe = take(limitThat("open"));
  await settled();
  const others = Array.from({ length: 9 }, (_, i) => take(limitThat("open"), { key: `${i}` }));
  assertEquals(await outcomes(others), Array(9).fill("admitted"));
  assertEquals(store.asked, asked + 1);
  await clock.advance(TIMEOUT_MS);
  assertEquals(await outcomes([probe]), ["admitted"]);
});

Deno.test("waiting requests do not probe a lost store beside the one that does", async () => {
  const { clock, store, take } = start();
  const waiting = limitThat("open", 3_000);
  const keys = ["a", "b", "c"];
  await Promise.all(keys.map((key) => take(waiting, { key, tokens: 5 })));
  const decisions = keys.map((key) => take(waiting, { key, tokens: 2 }));
  await clock.advance(900);
  store.mood = "fails";
  await take(limitThat("open"), { key: "other" });
  store.mood = "stalls";
  await clock.advance(REST_MS);
  const { asked } = store;
  const probe = take(limitThat("open"), { key: "other" });
  await clock.advance(200);
  assertEquals(store.asked, asked + 1);
  await clock.advance(1_000);
  assertEquals(await outcomes([...decisions, probe]), Array(4).fill("admitted"));
});

Deno.test("a request cancelled before its probe does not end the probing", async () => {
  const { clock, store, take } = start();
  store.mood = "fails";
  await take(limitThat("closed"));
  store.mood = "well";
  await clock.advance(REST_MS);
  await assertRejects(() => take(limitThat("closed"), { signal: AbortSignal.abort(new Error()) }));
  assertEquals(await outcomes([take(limitThat("closed"))]), ["admitted"]);
});

Deno.test("a request cancelled as its probe starts does not end the probing", async () => {
  const { clock, store, take } = start();
  store.mood = "fails";
  await take(limitThat("closed"));
  store.mood = "well";
  await clock.advance(REST_MS);
  const leave = new AbortController();
  const left = take(limitThat("closed"), { signal: leave.signal });
  leave.abort(new Error("left"));
  await assertRejects(() => left, Error, "left");
  assertEquals(await outcomes([take(limitThat("closed"))]), ["admitted"]);
});

Deno.test("a denial without a call to the store does not close the circuit", async () => {
  const { clock, store, changes, take } = start();
  const limit = limitThat("local", 1);
  await take(limit, { key: "empty", tokens: 5 });
  store.mood = "fails";
  await take(limit, { key: "other" });
  await clock.advance(800);
  assertEquals((await take(limit, { key: "empty", tokens: 5 })).outcome, "denied");
  assertEquals(changes, ["the store cannot be written: down"]);
});

Deno.test("local: local grants are deducted once the store is back", async () => {
  const { clock, store, take } = start();
  const limit = limitThat("local");
  store.mood = "fails";
  await take(limit, { tokens: 4 });
  store.mood = "well";
  await clock.advance(REST_MS);
  assertEquals((await take(limit, { tokens: 3 })).outcome, "denied");
  assertEquals((await take(limit, { tokens: 2 })).outcome, "admitted");
  assertEquals((await take(limit)).outcome, "denied");
});

Deno.test("local: the overdraft is cleared once it has been deducted", async () => {
  const { clock, store, take } = start();
  const limit = limitThat("local");
  store.mood = "fails";
  await take(limit, { tokens: 5 });
  store.mood = "well";
  await clock.advance(REST_MS);
  assertEquals((await take(limit)).outcome, "admitted");
  const [{ version } = { version: null }] = await store.read(["key"]);
  const level = { units: limit.shape.capacity, at: clock.wall() };
  await store.commit([{ key: "key", level, version, lifetimeMs: 60_000 }]);
  await clock.advance(1_000);
  assertEquals((await take(limit, { tokens: 5 })).outcome, "admitted", "after a reset");
});

Deno.test("local: local grants during a probe are deducted", async () => {
  const { clock, store, take } = start();
  const limit = limitThat("local");
  store.mood = "fails";
  await take(limit);
  store.mood = "slow";
  await clock.advance(REST_MS);
  const probe = take(limit);
  // It has been read by now, and is being written.
  await clock.advance(150);
  const beside = await outcomes([take(limit), take(limit), take(limit)]);
  assertEquals(beside, Array(3).fill("admitted"));
  await clock.advance(100);
  assertEquals((await probe).outcome, "admitted");
  store.mood = "well";
  // Five, one taken before and refilled, one by the probe, three beside it: one is left, not four.
  const decisions = await outcomes([take(limit), take(limit)]);
  assertEquals(decisions, ["admitted", "denied"]);
});

Deno.test("local: local grants are deducted also when others took meanwhile", async () => {
  const { clock, store, take } = start();
  const limit = limitThat("local");
  await take(limit);
  store.mood = "fails";
  await take(limit, { tokens: 3 });
  store.mood = "well";
  const other = new Limiter({ store, clock, random: () => 0.5, maxBuckets: 100 });
  const taken = other.take([{ key: "key", limit, tokens: 3 }], {
    signal: QUIET,
    deadline: Infinity,
  });
  await clock.advance(100);
  assertEquals((await taken).outcome, "admitted");
  await clock.advance(REST_MS - 100);
  const decision = take(limit, { tokens: 1 });
  await clock.advance(100);
  // Five less one, three here and three there: nothing is left, though a second has passed.
  assertEquals((await decision).outcome, "denied");
});

Deno.test("local: a cancelled request is not charged", async () => {
  const { clock, store, take } = start();
  const limit = limitThat("local");
  store.mood = "stalls";
  const leave = new AbortController();
  const left = take(limit, { tokens: 5, signal: leave.signal });
  await settled();
  leave.abort(new Error("left"));
  await assertRejects(() => left, Error, "left");
  await clock.advance(TIMEOUT_MS);
  assertEquals((await take(limit, { tokens: 5 })).outcome, "admitted");
});

Deno.test("a probe amid contention closes the circuit", async () => {
  const { clock, store, changes, take } = start();
  const limit = limitThat("closed");
  store.mood = "fails";
  await take(limit);
  store.mood = "contended";
  await clock.advance(REST_MS);
  const probe = take(limit);
  await clock.advance(5_000);
  assertEquals((await probe).outcome, "denied");
  assertEquals(changes, ["the store cannot be written: down", "the store is back"]);
  store.mood = "well";
  assertEquals((await take(limit)).outcome, "admitted");
});
