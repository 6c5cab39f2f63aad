import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type {
  BucketStore,
  BucketWrite,
  StoredBucket,
} from "../../lib/limiter/stores/bucket_store.ts";

/** A store for a test, and a second way to the same buckets where there is one. */
export interface OpenStore extends AsyncDisposable {
  readonly store: BucketStore;
  readonly other: BucketStore;
  /** The database behind it, to put something strange into. */
  readonly kv?: Deno.Kv;
}

/** When all buckets were written. */
export const NOW = Date.UTC(2026, 0, 1);
/** What a store says of a bucket that it does not have. */
export const MISSING = { level: undefined, version: null };

/** The write of a bucket that nobody has written, or of one at that version. */
export function write(key: string, units: number, version: string | null = null): BucketWrite {
  return { key, level: { units, at: NOW }, version, lifetimeMs: 60_000 };
}

/** Writes until the file is free; another connection to it makes a commit count as a conflict. */
export async function commit(store: BucketStore, writes: readonly BucketWrite[]): Promise<string> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const version = await store.commit(writes);
    if (version !== undefined) return version;
  }
  throw new Error("it was never written");
}

/** What a store says of these buckets, and no more. */
export async function look(
  store: BucketStore,
  ...keys: readonly string[]
): Promise<StoredBucket[]> {
  return (await store.read(keys)).map(({ level, version }) => ({ level, version }));
}

function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${i}`);
}

/** What every store of buckets must do, as tests. Each opens a store of its own, which is empty. */
export function testBucketStore(name: string, open: () => Promise<OpenStore>): void {
  const test = (statement: string, body: (opened: OpenStore) => Promise<void>) =>
    Deno.test(`${name}: ${statement}`, async () => {
      await using opened = await open();
      await body(opened);
    });

  test("a bucket that nobody wrote is missing", async ({ store }) => {
    assertEquals(await look(store, "a"), [MISSING]);
    assertEquals(await store.read([]), []);
  });

  test("leases, resets and seals are kept with a level, each alone", async ({ store }) => {
    const rare = [{ leasedAt: NOW }, { resetAt: NOW }, { sealedUntil: NOW }, {
      resetAt: 1,
      leasedAt: 0,
    }];
    for (const [index, more] of rare.entries()) {
      const plain = write(`${index}`, 5);
      const level = { ...plain.level, ...more };
      const version = await commit(store, [{ ...plain, level }]);
      assertEquals(await look(store, `${index}`), [{ level, version }]);
    }
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
    const keys = keysOf(Math.min(20, store.maxWrites));
    await commit(store, [write("7", 1)]);
    assertEquals(await store.commit(keys.map((key) => write(key, 7))), undefined);
    const read = await store.read(keys);
    assertEquals(read.filter(({ level }) => level !== undefined).length, 1);
    assertEquals(read[7]?.level?.units, 1);
  });

  test("as many buckets as it says are written at once", async ({ store }) => {
    const keys = keysOf(Math.min(100, store.maxWrites));
    const version = await commit(store, keys.map((key, i) => write(key, i)));
    const read = await look(store, ...keys);
    assertEquals(read, keys.map((_, i) => ({ level: { units: i, at: NOW }, version })));
  });

  test("a hundred buckets are read at once", async ({ store }) => {
    const keys = keysOf(100);
    const size = Math.min(100, store.maxWrites);
    for (let start = 0; start < keys.length; start += size) {
      await commit(store, keys.slice(start, start + size).map((key) => write(key, Number(key))));
    }
    const read = await store.read(keys);
    assertEquals(read.map(({ level }) => level?.units), keys.map(Number));
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
