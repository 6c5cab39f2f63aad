import { assert, assertEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import type { KvTier } from "../../../lib/cache/kv_tier.ts";
import { systemClock } from "../../../lib/core/clock.ts";
import { openKv } from "../../../lib/store/open_kv.ts";
import { kvTier } from "../../support/kv_tier.ts";
import { until } from "../../support/program.ts";

const NONE = new Headers();
const HOUR = 3_600_000;
const MEBIBYTE = 2 ** 20;

/** A response of random bytes, which no store makes smaller. */
function entryOf(size: number): CacheEntry {
  const bytes = new Uint8Array(size);
  for (let start = 0; start < size; start += 65_536) {
    crypto.getRandomValues(bytes.subarray(start, start + 65_536));
  }
  return {
    status: 200,
    headers: new Headers(),
    body: Body.of(bytes),
    requestedAt: 0,
    receivedAt: 0,
    selection: "",
    url: "up /x",
    isAuthorized: false,
  };
}

/** A file for stores, and how much of the disk it and its log take. */
async function inFolder(test: (path: string, takes: () => number) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/kv`;
    const sizeOf = (name: string) => {
      try {
        return Deno.statSync(name).size;
      } catch {
        return 0;
      }
    };
    await test(path, () => sizeOf(path) + sizeOf(`${path}-wal`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function stored(tier: KvTier, keys: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const key of keys) if (await tier.get(key, NONE)) found.push(key);
  return found;
}

/** How many records the store has of stored responses, of whatever kind. */
async function records(kv: Deno.Kv): Promise<number> {
  let count = 0;
  for (const kind of ["cache", "cache-use"]) {
    for await (const _ of kv.list({ prefix: ["sluice", kind] })) count++;
  }
  return count;
}

/** Resolves when room has been made, as far as it is made behind a write. */
async function isWithin(kv: Deno.Kv, bytes: number): Promise<void> {
  await until(
    async () => {
      let sum = 0;
      for await (const { value } of kv.list<number>({ prefix: ["sluice", "cache-use"] })) {
        sum += value;
      }
      return sum <= bytes;
    },
    "room is made",
    60_000,
  );
}

Deno.test("400 responses of 256 KiB, many at once, leave the file near its bound of 32 MiB", async () => {
  await inFolder(async (path, takes) => {
    using kv = await openKv(path, systemClock);
    await using tier = kvTier(kv, { maxBytes: 32 * MEBIBYTE });
    const entry = entryOf(256 * 1024);
    let most = 0;
    for (let key = 0; key < 400; key += 40) {
      await Promise.all(
        Array.from({ length: 40 }, (_, index) => tier.set(`k${key + index}`, entry, HOUR)),
      );
      most = Math.max(most, takes());
    }
    assert(most < 44 * MEBIBYTE, `${most / MEBIBYTE} MiB at most`);
    await isWithin(kv, 32 * MEBIBYTE);
    await tier.clear();
    assertEquals(await records(kv), 0);
    await kv.set(["x"], 1);
    assert(takes() < 12 * MEBIBYTE, `${takes() / MEBIBYTE} MiB when all is purged`);
  });
});

Deno.test("small responses are counted with what the store needs for each", async () => {
  await inFolder(async (path, takes) => {
    using kv = await openKv(path, systemClock);
    await using tier = kvTier(kv, { maxBytes: 4 * MEBIBYTE });
    const entry = entryOf(100);
    for (let key = 0; key < 3_000; key += 100) {
      await Promise.all(
        Array.from({ length: 100 }, (_, i) => tier.set(`k${key + i}`, entry, HOUR)),
      );
    }
    assert(takes() < 9 * MEBIBYTE, `${takes() / MEBIBYTE} MiB`);
    await isWithin(kv, 4 * MEBIBYTE);
    const isStored = async () => {
      await tier.set("new", entry, HOUR);
      return (await stored(tier, ["new"])).length === 1;
    };
    for (let tries = 0; tries < 500 && !await isStored(); tries++);
    assert(await isStored(), "there is room again");
    assertEquals(await stored(tier, ["k0"]), []);
  });
});

Deno.test("the least recently used are evicted first, whichever process used them", async () => {
  await inFolder(async (path) => {
    using one = await openKv(path, systemClock);
    using other = await openKv(path, systemClock);
    let now = Date.now();
    const options = { maxBytes: MEBIBYTE, wall: () => now };
    const entry = entryOf(100_000);
    const keys = ["a", "b", "c", "d", "e", "f"];
    await using writer = kvTier(one, options);
    for (const key of keys) {
      await writer.set(key, entry, HOUR);
      now += 1_000;
    }
    now += 60_000;
    await using reader = kvTier(other, options);
    const before = await records(one);
    await reader.touch("a", NONE);
    assertEquals(await records(one), before, "it has one place in the order");
    for (let key = 0; key < 5; key++) {
      now += 1_000;
      await using tier = kvTier(one, options);
      await tier.set(`new ${key}`, entry, HOUR);
      await isWithin(one, 950_000);
    }
    const left = await stored(reader, keys);
    assert(left.includes("a"), "it was used");
    assert(!left.includes("b") && !left.includes("c"), left.join());
    assertEquals((await stored(reader, ["new 4"])).length, 1);
  });
});

Deno.test("a response used while room is made is not evicted", async () => {
  await inFolder(async (path) => {
    using one = await openKv(path, systemClock);
    using other = await openKv(path, systemClock);
    let now = Date.now();
    const wall = () => now;
    await using reader = kvTier(other, { wall });
    const entry = entryOf(100_000);
    for (const key of "abcdefghijk") {
      await reader.set(key, entry, HOUR);
      now += 1_000;
    }
    now += 60_000;
    let used: Promise<void> | undefined;
    const atomic = one.atomic.bind(one);
    one.atomic = () => {
      const operation = atomic();
      const commit = operation.commit.bind(operation);
      operation.commit = async () => {
        await (used ??= reader.touch("a", NONE));
        return await commit();
      };
      return operation;
    };
    {
      await using full = kvTier(one, { maxBytes: MEBIBYTE, wall });
      await full.set("new", entry, HOUR); // finds no room, and has it made
      await isWithin(other, 950_000);
    }
    assertEquals(await stored(reader, ["a", "b", "new"]), ["a"]);
  });
});

Deno.test("a process that starts counts what is stored", async () => {
  await inFolder(async (path) => {
    const entry = entryOf(200_000);
    for (let start = 0; start < 12; start++) {
      using kv = await openKv(path, systemClock);
      await using tier = kvTier(kv, { maxBytes: MEBIBYTE, wall: () => Date.now() + start });
      await tier.set(`k${start}`, entry, HOUR);
      await isWithin(kv, MEBIBYTE);
    }
  });
});

Deno.test("several connections to one file stay near the bound together", async () => {
  await inFolder(async (path) => {
    const stores = await Promise.all([1, 2, 3].map(() => openKv(path, systemClock)));
    const [first] = stores;
    assert(first);
    const tiers = stores.map((kv) => kvTier(kv, { maxBytes: 4 * MEBIBYTE }));
    const entry = entryOf(50_000);
    for (let key = 0; key < 200; key++) {
      await Promise.all(tiers.map((tier, index) => tier.set(`${index} ${key}`, entry, HOUR)));
    }
    await isWithin(first, 4.5 * MEBIBYTE);
    for (const tier of tiers) await tier[Symbol.asyncDispose]();
    for (const kv of stores) kv.close();
  });
});

Deno.test("what is replaced leaves nothing, a response too large for the bound is not stored", async () => {
  using kv = await Deno.openKv(":memory:");
  await using tier = kvTier(kv, { maxBytes: MEBIBYTE });
  for (let time = 0; time < 50; time++) await tier.set("k", entryOf(100_000), HOUR);
  assertEquals(await stored(tier, ["k"]), ["k"]);
  assertEquals(await records(kv), 1 + 1 + 2);
  await tier.set("large", entryOf(MEBIBYTE), HOUR);
  assertEquals(await stored(tier, ["large", "k"]), ["k"]);
  await tier.delete("k");
  assertEquals(await records(kv), 0);
});

Deno.test("an interrupted write is counted, and can be evicted", async () => {
  using kv = await Deno.openKv(":memory:");
  const atomic = kv.atomic.bind(kv);
  let commits = 0;
  kv.atomic = () => {
    const operation = atomic();
    const commit = operation.commit.bind(operation);
    operation.commit = () => ++commits > 1 ? Promise.reject(new Error("the end")) : commit();
    return operation;
  };
  const options = { maxBytes: 4 * MEBIBYTE };
  await kvTier(kv, options).set("k", entryOf(2 * MEBIBYTE), HOUR).catch(() => {});
  kv.atomic = atomic;
  assert(await records(kv) > 1);
  await kvTier(kv, options).clear();
  assertEquals(await records(kv), 0);
});
