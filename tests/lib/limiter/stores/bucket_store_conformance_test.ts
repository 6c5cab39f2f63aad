import { testGuard } from "../../../support/test_guard.ts";
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { GuardedStore } from "../../../../lib/limiter/stores/guarded_store.ts";
import { StoreTimeout } from "../../../../lib/store/store_timeout.ts";
import { KvStore, LOCAL_KV } from "../../../../lib/limiter/stores/kv_store.ts";
import { MemoryStore } from "../../../../lib/limiter/stores/memory_store.ts";
import type { BucketStore } from "../../../../lib/limiter/stores/bucket_store.ts";
import {
  commit,
  look,
  MISSING,
  NOW,
  type OpenStore,
  testBucketStore,
  write,
} from "../../../support/bucket_store_suite.ts";
import { ManualClock, settled } from "../../../support/manual_clock.ts";

const STORES: Readonly<Record<string, () => Promise<OpenStore>>> = {
  "in memory": () => {
    const store = new MemoryStore(new ManualClock());
    return Promise.resolve({ store, other: store, async [Symbol.asyncDispose]() {} });
  },
  "Deno KV in memory": async () => {
    const kv = await Deno.openKv(":memory:");
    const store = new KvStore(kv, LOCAL_KV);
    return {
      store,
      other: new KvStore(kv, LOCAL_KV),
      kv,
      [Symbol.asyncDispose]: () => Promise.resolve(kv.close()),
    };
  },
  "Deno KV in a file": async () => {
    const folder = await Deno.makeTempDir();
    const kv = await Deno.openKv(`${folder}/kv`);
    const second = await Deno.openKv(`${folder}/kv`);
    return {
      store: new KvStore(kv, LOCAL_KV),
      other: new KvStore(second, LOCAL_KV),
      kv,
      async [Symbol.asyncDispose]() {
        kv.close();
        second.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
  "guarded": () => {
    const clock = new ManualClock();
    const store = guarded(new MemoryStore(clock), clock);
    return Promise.resolve({ store, other: store, async [Symbol.asyncDispose]() {} });
  },
};

for (const [name, open] of Object.entries(STORES)) testBucketStore(name, open);

Deno.test("in memory: a record lives for its lifetime, and is then missing", async () => {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const version = await commit(store, [{ ...write("a", 5), lifetimeMs: 1_000 }]);
  await clock.advance(999);
  assertEquals(await look(store, "a"), [{ level: { units: 5, at: NOW }, version }]);
  await clock.advance(1);
  assertEquals(await look(store, "a"), [MISSING]);
  assertEquals(await store.commit([write("a", 4, version)]), undefined);
  const next = await commit(store, [write("a", 4)]);
  assertNotEquals(next, version);
});

Deno.test("in memory: a record that is written again lives on", async () => {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const first = await commit(store, [{ ...write("a", 5), lifetimeMs: 1_000 }]);
  await clock.advance(900);
  await commit(store, [{ ...write("a", 4, first), lifetimeMs: 1_000 }]);
  await clock.advance(900);
  assertEquals((await store.read(["a"]))[0]?.level?.units, 4);
});

Deno.test("Deno KV in a file: buckets outlive the process that wrote them", async () => {
  const folder = await Deno.makeTempDir();
  {
    using kv = await Deno.openKv(`${folder}/kv`);
    await commit(new KvStore(kv, LOCAL_KV), [write("a", 5)]);
  }
  {
    using kv = await Deno.openKv(`${folder}/kv`);
    assertEquals((await new KvStore(kv, LOCAL_KV).read(["a"]))[0]?.level?.units, 5);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Deno KV: a failure other than contention is an error", async () => {
  const kv = await Deno.openKv(":memory:");
  const store = new KvStore(kv, LOCAL_KV);
  kv.close();
  await assertRejects(() => store.commit([write("a", 5)]));
  await assertRejects(() => store.read(["a"]));
});

/** The store with a guard that gives each call 250 ms. */
function guarded(store: BucketStore, clock: ManualClock): GuardedStore {
  return new GuardedStore(store, testGuard({ clock, timeoutMs: 250 }));
}

/** A store whose answers a test gives. */
function scriptedStore() {
  const answers: PromiseWithResolvers<string | undefined>[] = [];
  const store: BucketStore = {
    maxWrites: 7,
    concurrency: 3,
    skewMs: 11,
    read: () => new Promise(() => {}),
    commit: () => {
      const answer = Promise.withResolvers<string | undefined>();
      answers.push(answer);
      return answer.promise;
    },
  };
  return { store, answers };
}

Deno.test("guarded: it works like the store that it guards", () => {
  const { store } = scriptedStore();
  const { maxWrites, concurrency, skewMs } = guarded(store, new ManualClock());
  assertEquals({ maxWrites, concurrency, skewMs }, { maxWrites: 7, concurrency: 3, skewMs: 11 });
});

Deno.test("guarded: a call that takes too long fails at its time", async () => {
  const clock = new ManualClock();
  const fresh = () => guarded(scriptedStore().store, clock);
  for (const call of [() => fresh().read(["a"]), () => fresh().commit([write("a", 1)])]) {
    const told = assertRejects(call, StoreTimeout, "within 250 ms");
    await clock.advance(250);
    await told;
  }
  assertEquals(clock.sleeping, 0);
});

Deno.test("guarded: a call is not failed before its time, and leaves no timer", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const call = guarded(store, clock).commit([write("a", 1)]);
  await clock.advance(249);
  answers[0]?.resolve("1");
  assertEquals(await call, "1");
  assertEquals(clock.sleeping, 0);
});

Deno.test("guarded: a failure is passed on at once, and leaves no timer", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const call = guarded(store, clock).commit([write("a", 1)]);
  answers[0]?.reject(new Error("down"));
  await assertRejects(() => call, Error, "down");
  assertEquals(clock.sleeping, 0);
});

Deno.test("guarded: a reply or a failure after the timeout is ignored", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const under = guarded(store, clock);
  const calls = [under.commit([write("a", 1)]), under.commit([write("a", 1)])];
  const told = calls.map((call) => assertRejects(() => call, StoreTimeout));
  await clock.advance(250);
  await Promise.all(told);
  answers[0]?.resolve("1");
  answers[1]?.reject(new Error("late"));
  await settled();
});

Deno.test("guarded: a commit that timed out may still have happened", async () => {
  const clock = new ManualClock();
  const memory = new MemoryStore(clock);
  const slow: BucketStore = {
    maxWrites: 1,
    concurrency: 1,
    skewMs: 0,
    read: (keys) => memory.read(keys),
    commit: async (writes) => {
      await clock.sleep(300);
      return await memory.commit(writes);
    },
  };
  const told = assertRejects(() => guarded(slow, clock).commit([write("a", 5)]));
  await clock.advance(250);
  await told;
  assertEquals(await look(memory, "a"), [MISSING]);
  await clock.advance(50);
  assertEquals((await memory.read(["a"]))[0]?.level?.units, 5);
});
