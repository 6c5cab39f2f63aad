import { assertEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { Purges } from "../../../lib/cache/purges.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import { KvPurges } from "../../../lib/cache/kv_purges.ts";
import { hard, read, soft, testKvBans } from "../../support/kv_purges_suite.ts";
import { property } from "../../support/random.ts";

const KEEP_MS = 60_000;
const NOW = Date.UTC(2026, 0, 1);

/** The same KV, which counts what is read. */
function counted(kv: Deno.Kv) {
  const count = { gets: 0, lists: 0 };
  const proxy = new Proxy(kv, {
    get(target, name) {
      if (name === "get") count.gets++;
      if (name === "list") count.lists++;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { kv: proxy, count };
}

testKvBans("in memory", () => Deno.openKv(":memory:"));

Deno.test("without new purges a read is one record, and no list", async () => {
  using store = await Deno.openKv(":memory:");
  const { kv, count } = counted(store);
  const [writer, reader] = [new KvPurges(store), new KvPurges(kv)];
  await writer.add([hard("tag:a")], KEEP_MS);
  assertEquals(await read(reader), [hard("tag:a")]);
  assertEquals(count, { gets: 1, lists: 1 });
  for (let time = 0; time < 3; time++) assertEquals(await read(reader), []);
  assertEquals(count, { gets: 4, lists: 1 });
  await writer.add([hard("tag:b", NOW + 1)], KEEP_MS);
  assertEquals((await read(reader)).at(-1), hard("tag:b", NOW + 1));
  assertEquals(count, { gets: 5, lists: 2 });
});

Deno.test("one connection reads what another to the same file adds", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using one = await Deno.openKv(`${folder}/kv`);
    using other = await Deno.openKv(`${folder}/kv`);
    const reader = new KvPurges(other);
    assertEquals(await read(reader), []);
    await new KvPurges(one).add([soft("tag:a")], KEEP_MS);
    assertEquals(await read(reader), [soft("tag:a")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a process that starts late reads purges at once", async () => {
  using kv = await Deno.openKv(":memory:");
  await new KvPurges(kv).add([hard("tag:a")], 7 * 86_400_000);
  await kv.delete(["sluice", "cache-bans-changed"]);
  assertEquals(await read(new KvPurges(kv)), [hard("tag:a")]);
});

Deno.test("the record of changes outlives a purge that expires soon", async () => {
  const expiring: unknown[] = [];
  using kv = await Deno.openKv(":memory:");
  const atomic = kv.atomic.bind(kv);
  kv.atomic = () => {
    const operation = atomic();
    const set = operation.set.bind(operation);
    operation.set = (key, value, options) => {
      if (options?.expireIn !== undefined) expiring.push(key[1]);
      return set(key, value, options);
    };
    return operation;
  };
  await new KvPurges(kv).add([hard("tag:a")], KEEP_MS);
  assertEquals(expiring, ["cache-bans"]);
});

Deno.test("purges added at the same moment are all read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using one = await Deno.openKv(`${folder}/kv`);
    using other = await Deno.openKv(`${folder}/kv`);
    const subjects = Array.from({ length: 40 }, (_, index) => `tag:${index}` as const);
    const reader = new KvPurges(one);
    const heard: string[] = [];
    const adding = Promise.all(
      subjects.map((of, index) => new KvPurges(index % 2 ? one : other).add([hard(of)], KEEP_MS)),
    );
    for (let time = 0; time < 20; time++) for (const { of } of await read(reader)) heard.push(of);
    await adding;
    for (const { of } of await read(reader)) heard.push(of);
    assertEquals(new Set(heard), new Set(subjects));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Foreign records among the purges. */
const FOREIGN: readonly unknown[] = [
  null,
  "all",
  5n,
  new Uint8Array(3),
  hard("all"),
  { length: 1, 0: hard("all") },
  [{ of: "all", isSoft: false }],
  [{ of: "all", isSoft: "no", at: NOW }],
  [{ of: "all", isSoft: false, at: "now" }],
  [{ of: "everything", isSoft: false, at: NOW }],
  [{ of: "xurl:a", isSoft: false, at: NOW }],
  [hard("tag:good"), { of: 7, isSoft: false, at: NOW }],
];

Deno.test("records that are no purges are skipped, and the purges beside them are read", async () => {
  using kv = await Deno.openKv(":memory:");
  for (const [index, value] of FOREIGN.entries()) {
    await kv.set(["sluice", "cache-bans", NOW, `foreign ${index}`], value);
  }
  for (const key of ["", NOW, "text", "z"]) await kv.set(["sluice", "cache-bans", key], 7);
  await kv.set(["sluice", "cache-bans-count"], { of: "all" });
  const purges = new KvPurges(kv);
  assertEquals(await read(purges), []);
  await purges.add([hard("tag:a")], KEEP_MS);
  assertEquals(await read(purges), [hard("tag:a")]);
});

Deno.test("a list that fails is retried, and no purge is missed", async () => {
  using store = await Deno.openKv(":memory:");
  let isBroken = true;
  const kv = new Proxy(store, {
    get(target, name) {
      if (name === "list" && isBroken) throw new Error("broken");
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  await new KvPurges(store).add([hard("tag:a")], KEEP_MS);
  const reader = new KvPurges(kv);
  await reader.readNew().catch(() => {});
  isBroken = false;
  assertEquals(await read(reader), [hard("tag:a")]);
});

Deno.test("a whole batch of purges fits into one record, long URLs too", async () => {
  using kv = await Deno.openKv(":memory:");
  const purges = Array.from(
    { length: 200 },
    (_, index) => hard(`url:up /${"x".repeat(2_000)}/${index}`),
  );
  await new KvPurges(kv).add(purges, KEEP_MS);
  assertEquals((await new KvPurges(kv).readNew()).length, 200);
});

function entryOf(tag: string, requestedAt: number): CacheEntry {
  return {
    status: 200,
    headers: new Headers({ "cache-tag": tag }),
    body: Body.of(new Uint8Array()),
    requestedAt,
    receivedAt: requestedAt,
    selection: "",
    url: "up /x",
    isAuthorized: false,
  };
}

property(
  "in any order of adds and reads, all processes end with the same purges",
  40,
  async (random) => {
    using kv = await Deno.openKv(":memory:");
    const processes = Array.from(
      { length: 3 },
      () => ({ purges: new KvPurges(kv), known: new Purges() }),
    );
    const expected = new Purges();
    let now = NOW;
    const hear = async ({ purges, known }: typeof processes[number]) => {
      for (const purge of await purges.readNew()) known.add(purge);
    };
    for (let step = 0; step < 30; step++) {
      now += random.int(0, 5_000);
      const process = random.pick(processes);
      if (random.bool()) {
        const added = random.list(1, 3, () => {
          const tag = `tag:${random.pick(["a", "b", "c"])}` as const;
          return { of: tag, isSoft: random.bool(), at: now - random.int(0, 4_000) };
        });
        for (const purge of added) expected.add(purge);
        await process.purges.add(added, KEEP_MS);
      } else await hear(process);
    }
    for (const process of processes) {
      await hear(process);
      for (const tag of ["a", "b", "c"]) {
        for (let at = NOW - 5_000; at < now + 5_000; at += 997) {
          const entry = entryOf(tag, at);
          assertEquals(process.known.check(entry), expected.check(entry));
        }
      }
    }
  },
);
