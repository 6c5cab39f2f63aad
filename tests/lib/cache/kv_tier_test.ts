import { testGuard } from "../../support/test_guard.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import type { KvTier } from "../../../lib/cache/kv_tier.ts";
import { kvTier } from "../../support/kv_tier.ts";
import { MemoryTier } from "../../../lib/cache/memory_tier.ts";
import { TwoTiers } from "../../../lib/cache/two_tiers.ts";
import { selectionKey } from "../../../lib/cache/variants.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";

const NONE = new Headers();
const KEEP_MS = 60_000;

/** An answer whose body says of which it is, a letter, over and over, over several chunks. */
function entryOf(name: string, size = 150_000): CacheEntry {
  return {
    status: 200,
    headers: new Headers({ "x-name": name, "x-size": String(size) }),
    body: Body.of(new TextEncoder().encode(name.repeat(size))),
    requestedAt: 0,
    receivedAt: 0,
    selection: "",
    url: "up /x",
    isAuthorized: false,
  };
}

async function keysOf(kv: Deno.Kv): Promise<Deno.KvKey[]> {
  return await Array.fromAsync(kv.list({ prefix: ["sluice", "cache"] }), ({ key }) => key);
}

const isIndex = (key: Deno.KvKey) => key[2] === "index";
const isChunk = (key: Deno.KvKey) => !isIndex(key);
const isLastChunk = (key: Deno.KvKey) => key.at(-1) === 2;

/** What can become of records: each is a miss, and none an error. */
const DAMAGE: Readonly<Record<string, (kv: Deno.Kv) => Promise<void>>> = {
  "a chunk is missing": (kv) => change(kv, isChunk, (kv, key) => kv.delete(key)),
  "a chunk is short": (kv) => change(kv, isChunk, (kv, key) => kv.set(key, new Uint8Array(10))),
  "a chunk is another's": (kv) =>
    change(kv, isChunk, (kv, key) => kv.set(key, new TextEncoder().encode("b".repeat(61_440)))),
  "a chunk is no bytes": (kv) => change(kv, isChunk, (kv, key) => kv.set(key, "text")),
  "the last chunk is missing": (kv) => change(kv, isLastChunk, (kv, key) => kv.delete(key)),
  "the last chunk is short": (kv) => change(kv, isLastChunk, shorter),
  "one byte is another": (kv) =>
    change(kv, isLastChunk, async (kv, key) => {
      const { value } = await kv.get<Uint8Array>(key);
      assert(value);
      await kv.set(key, value.with(7, 0));
    }),
  "chunks have changed places": async (kv) => {
    const keys = (await keysOf(kv)).filter(isChunk);
    const [first, second] = await kv.getMany<Uint8Array[]>(keys.slice(0, 2));
    assert(first && second);
    await kv.set(first.key, second.value);
    await kv.set(second.key, first.value);
  },
  "all has expired but the index": async (kv) => {
    for (const key of (await keysOf(kv)).filter(isChunk)) await kv.delete(key);
  },
  "the index names what no header is called": (kv) => variant(kv, { names: ["a b"] }),
  "the index names no key": (kv) => variant(kv, { id: "x".repeat(3_000) }),
  "the index names a size that nothing has": (kv) => variant(kv, { size: Infinity }),
  "the index names a size of less than nothing": (kv) => variant(kv, { size: -1 }),
  "the index names another size": (kv) => variant(kv, { size: 2 ** 29 }),
  "the index names no size": (kv) => variant(kv, { size: "1" }),
  "the index names another checksum": (kv) => variant(kv, { checksum: new Uint8Array(32) }),
  "the checksum is of nothing that is an answer": async (kv) => {
    const key = (await keysOf(kv)).find((key) => key.at(-1) === 0);
    assert(key);
    const bytes = new Uint8Array(3);
    await kv.set(key, bytes);
    const checksum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    await variant(kv, { size: bytes.length, checksum });
  },
  "the index is missing": (kv) => change(kv, isIndex, (kv, key) => kv.delete(key)),
  "the index is something else": (kv) => change(kv, isIndex, (kv, key) => kv.set(key, 5n)),
  "the index is of another version": (kv) => anotherVersion(kv, isIndex),
};

async function shorter(kv: Deno.Kv, key: Deno.KvKey): Promise<void> {
  const { value } = await kv.get<Uint8Array>(key);
  await kv.set(key, value?.subarray(1));
}

/** Changes what the index says of the one answer in it. */
function variant(kv: Deno.Kv, changes: Readonly<Record<string, unknown>>): Promise<void> {
  return change(kv, isIndex, async (kv, key) => {
    const { value } = await kv.get<{ variants: object[] }>(key);
    assert(value?.variants.length === 1);
    await kv.set(key, { ...value, variants: [{ ...value.variants[0], ...changes }] });
  });
}

async function change(
  kv: Deno.Kv,
  which: (key: Deno.KvKey) => boolean,
  how: (kv: Deno.Kv, key: Deno.KvKey) => Promise<unknown>,
): Promise<void> {
  const key = (await keysOf(kv)).find(which);
  assert(key);
  await how(kv, key);
}

function anotherVersion(kv: Deno.Kv, which: (key: Deno.KvKey) => boolean): Promise<void> {
  return change(kv, which, async (kv, key) => {
    const { value } = await kv.get<Record<string, unknown>>(key);
    await kv.set(key, { ...value, version: 99 });
  });
}

for (const [name, damage] of Object.entries(DAMAGE)) {
  Deno.test(`when ${name}, it is a miss, and can be stored again`, async () => {
    using kv = await Deno.openKv(":memory:");
    const tier = kvTier(kv);
    await tier.set("k", entryOf("a"), KEEP_MS);
    assert(await tier.get("k", NONE));
    await damage(kv);
    assertEquals(await tier.get("k", NONE), undefined);
    await tier.set("k", entryOf("b"), KEEP_MS);
    assertEquals((await tier.get("k", NONE))?.headers.get("x-name"), "b");
  });
}

/**
 * A store that does one operation after another, when it is told to. A writer that is told no more
 * has ended, as a process does.
 */
function stepped(kv: Deno.Kv) {
  const waiting: (() => Promise<void>)[] = [];
  let isFree = false;
  let isEnded = false;
  const wait = <T>(run: () => Promise<T>): Promise<T> => {
    if (isFree) return run();
    return new Promise((resolve, reject) => {
      waiting.push(async () => {
        await run().then(resolve, reject);
        await settled();
      });
    });
  };
  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const run = () => value.apply(target, args);
          if (["get", "getMany", "set", "delete", "commit"].includes(String(name))) {
            return target === kv || name === "commit" ? wait(run) : (run(), wrap(target));
          }
          return wrap(run());
        };
      },
    });
  return {
    kv: wrap(kv),
    /** Does one operation; false when all are done. */
    async step(): Promise<boolean> {
      // Digests are made elsewhere than in this thread: an operation may be some turns away.
      while (waiting.length === 0 && !isEnded) await settled();
      const next = waiting.shift();
      await next?.();
      return next !== undefined;
    },
    /** Tells that no more operations come. */
    end(): void {
      isEnded = true;
    },
    /** Lets all that still comes happen at once. */
    async free(): Promise<void> {
      isFree = true;
      for (const run of waiting.splice(0)) await run();
    },
  };
}

/** Of which answer this is; fails when it is not the whole of one. */
async function nameOf(entry: CacheEntry): Promise<string> {
  const name = entry.headers.get("x-name") ?? "";
  const text = new TextDecoder().decode(await entry.body.bytes(Infinity));
  assertEquals(new Set(text), new Set(name));
  assertEquals(String(text.length), entry.headers.get("x-size"));
  return name;
}

Deno.test("a write interrupted anywhere leaves the old response or the new one, whole", async () => {
  const seen = new Set<string>();
  for (let steps = 0;; steps++) {
    using kv = await Deno.openKv(":memory:");
    const tier = kvTier(kv);
    await tier.set("k", entryOf("a", 2_000_000), KEEP_MS);
    const writer = stepped(kv);
    kvTier(writer.kv).set("k", entryOf("b", 2_000_000), KEEP_MS).then(() => writer.end());
    let isMore = true;
    for (let step = 0; step < steps; step++) isMore = await writer.step();
    const entry = await tier.get("k", NONE);
    assert(entry, `after ${steps} operations`);
    seen.add(await nameOf(entry));
    if (!isMore) break;
  }
  assertEquals(seen, new Set(["a", "b"]));
});

Deno.test("replaced or deleted responses take no space in the store", async () => {
  using kv = await Deno.openKv(":memory:");
  const tier = kvTier(kv);
  await tier.set("k", entryOf("a"), KEEP_MS);
  const { length } = await keysOf(kv);
  for (let time = 0; time < 5; time++) await tier.set("k", entryOf("b"), KEEP_MS);
  assertEquals((await keysOf(kv)).length, length);
  await tier.set("k", entryOf("c", 20_000_000), KEEP_MS);
  await tier.set("k", entryOf("b"), KEEP_MS);
  assertEquals((await keysOf(kv)).length, length);
  await tier.set("k", entryOf("c", 20_000_000), KEEP_MS);
  await tier.delete("k");
  assertEquals(await keysOf(kv), []);
});

Deno.test("one key has a bounded number of variants, the newest ones", async () => {
  using kv = await Deno.openKv(":memory:");
  const tier = kvTier(kv);
  const headers = new Headers({ vary: "a", "x-name": "a", "x-size": "1" });
  const requests = Array.from({ length: 40 }, (_, index) => new Headers({ a: String(index) }));
  for (const request of requests) {
    const selection = selectionKey(["a"], request);
    await tier.set("k", { ...entryOf("a", 1), headers, selection }, KEEP_MS);
  }
  assertEquals((await keysOf(kv)).length, 1 + 32);
  const found = await Promise.all(requests.map((request) => tier.get("k", request)));
  assertEquals(found.map((entry) => entry !== undefined), requests.map((_, index) => index >= 8));
});

Deno.test("the longest header names in Vary fit, and longer ones are not stored", async () => {
  using kv = await Deno.openKv(":memory:");
  const tier = kvTier(kv);
  const set = async (vary: string) => {
    const headers = new Headers({ vary });
    const selection = selectionKey([vary], NONE);
    await tier.set("k", { ...entryOf("a", 1), headers, selection }, KEEP_MS);
    return (await tier.get("k", NONE))?.headers.get("vary") === vary;
  };
  for (let time = 10; time < 45; time++) assert(await set(`${time}${"x".repeat(998)}`));
  assertEquals(await set("x".repeat(1_001)), false);
  assertEquals(await set("x".repeat(70_000)), false);
});

Deno.test("a variant that expires soon does not expire another", async () => {
  using kv = await Deno.openKv(":memory:");
  const expiring: (number | undefined)[] = [];
  const atomic = kv.atomic.bind(kv);
  kv.atomic = () => {
    const operation = atomic();
    const set = operation.set.bind(operation);
    operation.set = (key, value, options) => {
      if (isIndex(key)) expiring.push(options?.expireIn);
      return set(key, value, options);
    };
    return operation;
  };
  const tier = kvTier(kv, { wall: () => 0 });
  await tier.set("k", entryOf("a", 1), 60_000.5);
  const headers = new Headers({ vary: "a" });
  const selection = selectionKey(["a"], NONE);
  await tier.set("k", { ...entryOf("b", 1), headers, selection }, 1_000);
  assertEquals(expiring, [60_001, 60_001]);
});

Deno.test("two connections to one file store side by side", async () => {
  const folder = await Deno.makeTempDir();
  try {
    using one = await Deno.openKv(`${folder}/kv`);
    using other = await Deno.openKv(`${folder}/kv`);
    const tiers = [kvTier(one), kvTier(other)];
    const headers = new Headers({ vary: "a", "x-name": "a", "x-size": "100000" });
    const requests = Array.from({ length: 12 }, (_, index) => new Headers({ a: String(index) }));
    await Promise.all(requests.map((request, index) => {
      const selection = selectionKey(["a"], request);
      const entry = { ...entryOf("a", 100_000), headers, selection };
      return tiers[index % 2]?.set("k", entry, KEEP_MS);
    }));
    for (const request of requests) {
      for (const tier of tiers) assert(await tier.get("k", request));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

property(
  "one operation after another, in whatever order, a reader gets one answer whole, or none",
  30,
  async (random) => {
    using kv = await Deno.openKv(":memory:");
    await kvTier(kv).set("k", entryOf("a", random.int(1, 900_000)), KEEP_MS);
    const [reader, ...writers] = [stepped(kv), stepped(kv), stepped(kv)];
    assert(reader);
    let isOver = false;
    const writing = writers.map(async (writer) => {
      const tier = kvTier(writer.kv);
      for (const name of ["b", "c"]) {
        if (random.bool(0.2)) await tier.delete("k");
        else await tier.set("k", entryOf(name, random.int(1, 900_000)), KEEP_MS);
      }
      writer.end();
    });
    let whole = 0;
    const reading = (async () => {
      const tier = kvTier(reader.kv);
      while (!isOver) {
        const entry = await tier.get("k", NONE);
        if (entry && await nameOf(entry)) whole++;
      }
    })();
    for (let step = 0; step < 60; step++) await random.pick([reader, reader, ...writers]).step();
    for (const writer of writers) await writer.free();
    await Promise.all(writing);
    isOver = true;
    await reader.free();
    await reading;
    assert(whole > 0);
  },
);

property(
  "who reads while others write gets one answer or another, and no mixture",
  5,
  async (random) => {
    using kv = await Deno.openKv(":memory:");
    const tier = kvTier(kv);
    await tier.set("k", entryOf("a"), KEEP_MS);
    const writers = ["b", "c", "d"].map(async (name) => {
      for (let time = 0; time < 5; time++) {
        await tier.set("k", entryOf(name, random.int(1, 300_000)), KEEP_MS);
      }
    });
    let isOver = false;
    const reading = (async () => {
      while (!isOver) {
        const entry = await tier.get("k", NONE);
        if (!entry) continue;
        const text = new TextDecoder().decode(await entry.body.bytes(Infinity));
        assertEquals(new Set(text), new Set([entry.headers.get("x-name")]));
      }
    })();
    await Promise.all(writers);
    isOver = true;
    await reading;
    assert(await tier.get("k", NONE));
  },
);

/** Memory over a store that does as the test says. */
function play(store: Partial<KvTier>) {
  const clock = new ManualClock();
  const errors: string[] = [];
  const memory = new MemoryTier(2 ** 20);
  const tier = new TwoTiers({
    memory,
    store: {
      get: () => Promise.resolve(undefined),
      set: () => Promise.resolve(),
      delete: () => Promise.resolve(),
      invalidate: () => Promise.resolve(),
      ...store,
    },
    guard: testGuard({ clock, log: (line) => errors.push(line) }),
    clock,
  });
  return { clock, errors, memory, tier };
}

Deno.test("a store that hangs is a miss after its timeout, and then not called for a while", async () => {
  let asked = 0;
  const { clock, errors, tier } = play({
    get: () => {
      asked++;
      return new Promise(() => {});
    },
  });
  const first = tier.get("k", NONE);
  await clock.advance(400);
  assertEquals(await first, undefined);
  assertEquals(await tier.get("k", NONE), undefined, "without asking");
  assertEquals([asked, errors.length, clock.sleeping], [1, 1, 0]);
  await clock.advance(1_000);
  const again = tier.get("k", NONE);
  await settled();
  assertEquals(asked, 2);
  await clock.advance(400);
  assertEquals(await again, undefined);
});

Deno.test("a store that fails is a miss, at once or later", async () => {
  for (
    const get of [
      () => Promise.reject(new Error("broken")),
      () => {
        throw new Error("closed");
      },
    ]
  ) {
    const { errors, tier } = play({ get });
    assertEquals([await tier.get("k", NONE), errors.length], [undefined, 1]);
  }
});

Deno.test("what was read once from the store is in memory", async () => {
  let asked = 0;
  const { tier } = play({
    get: () => {
      asked++;
      return Promise.resolve(entryOf("a", 10));
    },
  });
  assert(await tier.get("k", NONE));
  assert(await tier.get("k", NONE));
  assertEquals(asked, 1);
});

Deno.test("what was stored during a read is not replaced by what the read returns", async () => {
  const { promise, resolve } = Promise.withResolvers<CacheEntry>();
  const { tier } = play({ get: () => promise });
  const reading = tier.get("k", NONE);
  tier.set("k", entryOf("b", 10), KEEP_MS);
  resolve(entryOf("a", 10));
  for (const entry of [await reading, await tier.get("k", NONE)]) {
    assertEquals(entry?.headers.get("x-name"), "b");
  }
});

Deno.test("a store that hangs delays no write, and a deletion no longer than its timeout", async () => {
  const hang = () => new Promise<never>(() => {});
  const { clock, errors, tier } = play({ set: hang, delete: hang });
  tier.set("k", entryOf("a", 10), KEEP_MS);
  assert(tier.get("k", NONE), "it is in memory at once");
  const deleting = tier.delete("k");
  await clock.advance(400);
  await deleting;
  assertEquals(errors.length, 1);
  await clock.advance(3_600);
  assertEquals([errors.length, clock.sleeping], [2, 0]);
});

Deno.test("the uses of a response in memory are recorded by sampling, and once a minute", async () => {
  const touched: string[] = [];
  const { clock, tier } = play({
    touch: (key) => {
      touched.push(key);
      return Promise.resolve();
    },
  });
  tier.set("a", entryOf("a"), KEEP_MS);
  tier.set("b", entryOf("b"), KEEP_MS);
  const use = async (key: string) => {
    for (let uses = 0; uses < 64; uses++) tier.getInMemory(key, NONE);
    await settled();
  };
  await use("a");
  await use("a");
  await use("b");
  assertEquals(touched, ["a", "b"]);
  await clock.advance(59_999);
  await use("a");
  assertEquals(touched, ["a", "b"]);
  await clock.advance(1);
  await use("a");
  assertEquals(touched, ["a", "b", "a"]);
});

Deno.test("a closed store is a miss, and stores nothing", async () => {
  const kv = await Deno.openKv(":memory:");
  kv.close();
  const store = kvTier(kv);
  for (
    const ask of [
      async (tier: TwoTiers) => assertEquals(await tier.get("other", NONE), undefined),
      (tier: TwoTiers) => tier.delete("k"),
      async (tier: TwoTiers) => {
        tier.set("k", entryOf("a", 10), KEEP_MS);
        assert(await tier.get("k", NONE));
      },
    ]
  ) {
    const clock = new ManualClock();
    const errored = Promise.withResolvers<string>();
    const tier = new TwoTiers({
      memory: new MemoryTier(2 ** 20),
      store,
      guard: testGuard({ clock, log: errored.resolve }),
      clock,
    });
    await ask(tier);
    assertMatch(await errored.promise, /^the store cannot be (?:read|written): /);
  }
});

Deno.test("a response that the store cannot hold does not open the circuit", async () => {
  using kv = await Deno.openKv(":memory:");
  const store = kvTier(kv);
  const { errors, tier } = play({ set: (...args) => store.set(...args) });
  const headers = new Headers({ "x-long": "x".repeat(100_000) });
  tier.set("k", { ...entryOf("a", 10), headers }, KEEP_MS);
  while ((await keysOf(kv)).length === 0) await settled();
  assertEquals(errors, []);
});

Deno.test("a read of a response that is replaced meanwhile gets the new one", async () => {
  using kv = await Deno.openKv(":memory:");
  const tier = kvTier(kv);
  await tier.set("k", entryOf("a"), KEEP_MS);
  const reader = stepped(kv);
  const reading = kvTier(reader.kv).get("k", NONE).finally(() => reader.end());
  await reader.step();
  await tier.set("k", entryOf("b"), KEEP_MS);
  for (let step = 0; step < 3; step++) await reader.step();
  const entry = await reading;
  assertEquals(entry && await nameOf(entry), "b");
});

Deno.test("what is deleted is deleted in memory and in the store", async () => {
  const deleted: string[] = [];
  const { tier } = play({
    delete: (key) => {
      deleted.push(key);
      return Promise.resolve();
    },
  });
  tier.set("k", entryOf("a", 10), KEEP_MS);
  await tier.delete("k");
  assertEquals([await tier.get("k", NONE), deleted], [undefined, ["k"]]);
});
