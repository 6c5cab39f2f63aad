import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { BoundedStore, StoreTimeout } from "../../../lib/limiter/bounded_store.ts";
import { KvStore, LOCAL_KV } from "../../../lib/limiter/kv_store.ts";
import { MemoryStore } from "../../../lib/limiter/memory_store.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "../../../lib/limiter/store.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** A store for a test, and a second way to the same buckets where there is one. */
interface OpenStore extends AsyncDisposable {
  readonly store: BucketStore;
  readonly other: BucketStore;
  /** The database behind it, to put something strange into. */
  readonly kv?: Deno.Kv;
}

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
  "bounded": () => {
    const clock = new ManualClock();
    const store = new BoundedStore(new MemoryStore(clock), clock, 250);
    return Promise.resolve({ store, other: store, async [Symbol.asyncDispose]() {} });
  },
};

const NOW = Date.UTC(2026, 0, 1);
const MISSING = { level: undefined, version: null };

function write(key: string, units: number, version: string | null = null): BucketWrite {
  return { key, level: { units, at: NOW }, version, keepMs: 60_000 };
}

/** Writes until the file is free; another connection to it makes a commit count as a conflict. */
async function commit(store: BucketStore, writes: readonly BucketWrite[]): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const version = await store.commit(writes);
    if (version !== undefined) return version;
  }
  throw new Error("it was never written");
}

/** What a store says of these buckets, and no more. */
async function look(store: BucketStore, ...keys: readonly string[]): Promise<StoredBucket[]> {
  return (await store.read(keys)).map(({ level, version }) => ({ level, version }));
}

for (const [name, open] of Object.entries(STORES)) {
  const test = (statement: string, body: (opened: OpenStore) => Promise<void>) =>
    Deno.test(`${name}: ${statement}`, async () => {
      await using opened = await open();
      await body(opened);
    });

  test("a bucket that nobody wrote is missing", async ({ store }) => {
    assertEquals(await look(store, "a"), [MISSING]);
    assertEquals(await store.read([]), []);
  });

  test("what was written is read, by every way to it", async ({ store, other }) => {
    const version = await commit(store, [write("a", 5)]);
    const stored = [{ level: { units: 5, at: NOW }, version }];
    assertEquals(await look(store, "a"), stored);
    assertEquals(await look(other, "a"), stored);
  });

  test("buckets are read in the order asked, one as often as asked", async ({ store }) => {
    await commit(store, [write("a", 1), write("b", 2)]);
    const read = await store.read(["b", "none", "a", "b"]);
    assertEquals(read.map(({ level }) => level?.units), [2, undefined, 1, 2]);
  });

  test("the largest number and the longest key come back as they were", async ({ store }) => {
    const key = "ä|".repeat(300);
    await commit(store, [write(key, Number.MAX_SAFE_INTEGER)]);
    const [read] = await store.read([key]);
    assertEquals(read?.level?.units, Number.MAX_SAFE_INTEGER);
  });

  test("a bucket that is there already is not created again", async ({ store, other }) => {
    const version = await commit(store, [write("a", 5)]);
    assertEquals(await other.commit([write("a", 9)]), undefined);
    assertEquals(await look(store, "a"), [{ level: { units: 5, at: NOW }, version }]);
  });

  test("a bucket is written over at the version that was read", async ({ store, other }) => {
    const first = await commit(store, [write("a", 5)]);
    const second = await commit(other, [write("a", 4, first)]);
    assertEquals(await look(store, "a"), [{ level: { units: 4, at: NOW }, version: second }]);
  });

  test("a version is good for one write", async ({ store, other }) => {
    const first = await commit(store, [write("a", 5)]);
    await commit(store, [write("a", 4, first)]);
    assertEquals(await other.commit([write("a", 3, first)]), undefined);
    assertEquals((await store.read(["a"]))[0]?.level?.units, 4);
  });

  test("the version changes even when the level does not", async ({ store }) => {
    const first = await commit(store, [write("a", 5)]);
    const second = await commit(store, [write("a", 5, first)]);
    assertNotEquals(first, second);
    assertEquals(await store.commit([write("a", 5, first)]), undefined);
  });

  test("a version that never was is no version", async ({ store }) => {
    const version = await commit(store, [write("a", 5)]);
    const wrong = version.replace(/.$/, (last) => last === "0" ? "1" : "0");
    assertEquals(await store.commit([write("a", 4, wrong)]), undefined);
    assertEquals(await store.commit([write("none", 4, version)]), undefined);
  });

  test("one commit gives all it writes the same version", async ({ store }) => {
    const version = await commit(store, [write("a", 1), write("b", 2)]);
    const read = await store.read(["a", "b"]);
    assertEquals(read.map((bucket) => bucket.version), [version, version]);
  });

  test("a commit of which one bucket has changed writes none", async ({ store }) => {
    const keys = Array.from({ length: 20 }, (_, i) => `${i}`);
    await commit(store, [write("13", 1)]);
    assertEquals(await store.commit(keys.map((key) => write(key, 7))), undefined);
    const read = await store.read(keys);
    assertEquals(read.filter(({ level }) => level !== undefined).length, 1);
    assertEquals(read[13]?.level?.units, 1);
  });

  test("a hundred buckets are written and read at once", async ({ store }) => {
    const keys = Array.from({ length: 100 }, (_, i) => `${i}`);
    const version = await commit(store, keys.map((key, i) => write(key, i)));
    const read = await look(store, ...keys);
    assertEquals(read, keys.map((_, i) => ({ level: { units: i, at: NOW }, version })));
  });

  test("of commits at one version only one holds", async ({ store, other }) => {
    const version = await commit(store, [write("a", 0)]);
    const commits = Array.from(
      { length: 20 },
      (_, i) => (i % 2 === 0 ? store : other).commit([write("a", i, version)]),
    );
    const held = (await Promise.all(commits)).filter((result) => result !== undefined);
    assertEquals(held.length, 1);
    assertEquals((await store.read(["a"]))[0]?.version, held[0]);
  });

  test("no count is lost between two who count at once", async ({ store, other }) => {
    await commit(store, [write("a", 0)]);
    const countTo = async (times: number, by: BucketStore) => {
      for (let done = 0; done < times;) {
        const [read] = await by.read(["a"]);
        const { level, version = null } = read ?? {};
        const written = await by.commit([write("a", (level?.units ?? 0) + 1, version)]);
        if (written !== undefined) done++;
      }
    };
    await Promise.all([countTo(20, store), countTo(20, other)]);
    assertEquals((await store.read(["a"]))[0]?.level?.units, 40);
  });

  test("a store says how it may be used", ({ store }) => {
    assert(store.maxWrites >= 1 && store.concurrency >= 1 && store.skewMs >= 0);
    return Promise.resolve();
  });

  test("a record that is no bucket counts as none, and is written over", async ({ store, kv }) => {
    if (!kv) return;
    const strange = ["text", 7, null, {}, [], [1], ["1", "2"], [0.5, NOW], [NaN, NOW], [1n, 2n]];
    for (const [i, value] of strange.entries()) {
      const key = `strange ${i}`;
      await kv.set(["sluice", "bucket", key], value);
      const [read] = await store.read([key]);
      assertEquals(read?.level, undefined, Deno.inspect(value));
      const version = await commit(store, [write(key, 3, read?.version ?? null)]);
      assertEquals(await store.read([key]), [{ level: { units: 3, at: NOW }, version }]);
    }
  });

  test("a record below zero counts as none", async ({ store, kv }) => {
    if (!kv) return;
    await kv.set(["sluice", "bucket", "a"], [-5, NOW]);
    assertEquals((await store.read(["a"]))[0]?.level, undefined);
  });
}

Deno.test("in memory: a record lives as long as was asked, and is then missing", async () => {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const version = await commit(store, [{ ...write("a", 5), keepMs: 1_000 }]);
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
  const first = await commit(store, [{ ...write("a", 5), keepMs: 1_000 }]);
  await clock.advance(900);
  await commit(store, [{ ...write("a", 4, first), keepMs: 1_000 }]);
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

Deno.test("Deno KV: what is no contention is an error", async () => {
  const kv = await Deno.openKv(":memory:");
  const store = new KvStore(kv, LOCAL_KV);
  kv.close();
  await assertRejects(() => store.commit([write("a", 5)]));
  await assertRejects(() => store.read(["a"]));
});

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

Deno.test("bounded: is used as what it bounds", () => {
  const { store } = scriptedStore();
  const { maxWrites, concurrency, skewMs } = new BoundedStore(store, new ManualClock(), 250);
  assertEquals({ maxWrites, concurrency, skewMs }, { maxWrites: 7, concurrency: 3, skewMs: 11 });
});

Deno.test("bounded: a call that takes too long fails at its time", async () => {
  const clock = new ManualClock();
  const bounded = new BoundedStore(scriptedStore().store, clock, 250);
  for (const call of [() => bounded.read(["a"]), () => bounded.commit([write("a", 1)])]) {
    const told = assertRejects(call, StoreTimeout, "within 250 ms");
    await clock.advance(250);
    await told;
  }
  assertEquals(clock.sleeping, 0);
});

Deno.test("bounded: a call is not failed before its time, and leaves no timer", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const call = new BoundedStore(store, clock, 250).commit([write("a", 1)]);
  await clock.advance(249);
  answers[0]?.resolve("1");
  assertEquals(await call, "1");
  assertEquals(clock.sleeping, 0);
});

Deno.test("bounded: a failure is passed on at once, and leaves no timer", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const call = new BoundedStore(store, clock, 250).commit([write("a", 1)]);
  answers[0]?.reject(new Error("down"));
  await assertRejects(() => call, Error, "down");
  assertEquals(clock.sleeping, 0);
});

Deno.test("bounded: what comes after the time is nobody's, be it an answer or a failure", async () => {
  const clock = new ManualClock();
  const { store, answers } = scriptedStore();
  const bounded = new BoundedStore(store, clock, 250);
  const calls = [bounded.commit([write("a", 1)]), bounded.commit([write("a", 1)])];
  const told = calls.map((call) => assertRejects(() => call, StoreTimeout));
  await clock.advance(250);
  await Promise.all(told);
  answers[0]?.resolve("1");
  answers[1]?.reject(new Error("late"));
  await settled();
});

Deno.test("bounded: a commit that ran out of time may hold even so", async () => {
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
  const told = assertRejects(() => new BoundedStore(slow, clock, 250).commit([write("a", 5)]));
  await clock.advance(250);
  await told;
  assertEquals(await look(memory, "a"), [MISSING]);
  await clock.advance(50);
  assertEquals((await memory.read(["a"]))[0]?.level?.units, 5);
});
