import { assertEquals } from "@std/assert";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import { MemoryTier } from "../../../lib/cache/memory_tier.ts";
import { openCache } from "../../../lib/cache/open_cache.ts";
import { cache } from "../../../lib/cache/policy.ts";
import type { Purge } from "../../../lib/cache/purges.ts";
import type { CacheStore } from "../../../lib/cache/store.ts";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Call, Reply, Source } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { testGuard } from "../../support/test_guard.ts";

/** From so many unstorable responses on, the store is not read. */
const LONG = 100;

/** A store that two processes share, and how often it was read. */
class SharedStore implements CacheStore {
  reads = 0;
  readonly #entries = new MemoryTier(2 ** 20);
  readonly #purges: Purge[] = [];
  readonly tier = {
    get: (key: string, request: Headers): Promise<CacheEntry | undefined> => {
      this.reads++;
      return Promise.resolve(this.#entries.get(key, request));
    },
    set: (key: string, entry: CacheEntry) => this.#entries.set(key, entry),
    delete: (key: string) => this.#entries.delete(key),
    invalidate: (url: string) => this.#entries.invalidate(url),
  };
  readonly purges = {
    add: (purges: readonly Purge[]) => {
      this.#purges.push(...purges);
      return Promise.resolve();
    },
    readNew: () => Promise.resolve([...this.#purges]),
  };

  /** How often it is read meanwhile. */
  async readsDuring(work: () => Promise<unknown>): Promise<number> {
    const before = this.reads;
    await work();
    return this.reads - before;
  }
}

/** An origin whose responses are private, except those of paths that start with `/public`. */
class Origin {
  calls = 0;
  fails: number | GatewayError | undefined;
  readonly source: Source = ({ path }) => {
    this.calls++;
    if (this.fails instanceof GatewayError) return Promise.reject(this.fails);
    if (this.fails !== undefined) return Promise.resolve(reply(this.fails, {}));
    const control = path.startsWith("/public") ? "max-age=60, stale-if-error=600" : "private";
    return Promise.resolve(reply(200, { "cache-control": control }));
  };
}

function reply(status: number, headers: Record<string, string>): Reply {
  return { status, headers: new Headers(headers), body: Body.of(new Uint8Array([1])) };
}

/** A process: a cache of its own over the store, in front of the origin. */
class Process {
  readonly opened;
  readonly #source: Source;
  #paths = 0;

  constructor(store: SharedStore, origin: Origin, clock: ManualClock) {
    const guard = testGuard({ clock });
    const deps = { memoryBytes: 2 ** 20, clock, pseudonym: "test", guard, refreshMs: 1_000 };
    this.opened = openCache({ ...deps, store });
    const settings = {
      ttlMs: undefined,
      override: false,
      staleMs: undefined,
      staleIfErrorMs: undefined,
    };
    const scope = { name: "up", settings, maxEntryBytes: 2 ** 16 };
    this.#source = cache({ cache: this.opened.cache, ...scope })(origin.source);
  }

  ask(path: string, more: Partial<Call> = {}): Promise<Reply> {
    return this.#source(testCall({ path, ...more }), testContext());
  }

  /** Whether a response comes from the cache. */
  async isHit(path: string, more: Partial<Call> = {}): Promise<boolean | undefined> {
    return (await this.ask(path, more)).cached?.isHit;
  }

  /** Gets private responses, each of another path. */
  async getPrivate(count: number, more: Partial<Call> = {}): Promise<void> {
    for (let index = 0; index < count; index++) await this.ask(`/own/${this.#paths++}`, more);
  }
}

function setUp() {
  const store = new SharedStore();
  const origin = new Origin();
  const clock = new ManualClock();
  const open = () => new Process(store, origin, clock);
  return { store, origin, clock, open, process: open(), other: open() };
}

Deno.test("after a hundred responses that could not be stored, the store is not read", async () => {
  const { store, process } = setUp();
  assertEquals(await store.readsDuring(() => process.getPrivate(LONG)), LONG);
  assertEquals(await store.readsDuring(() => process.getPrivate(1_000)), 0);
});

Deno.test("one response that can be stored ends that", async () => {
  const { store, process, other } = setUp();
  await process.getPrivate(LONG);
  await process.ask("/public/1");
  assertEquals(await process.isHit("/public/1"), true);
  await other.ask("/public/2");
  assertEquals(await process.isHit("/public/2"), true, "from what the other process stored");
  assertEquals(await store.readsDuring(() => process.getPrivate(LONG)), LONG);
});

Deno.test("during the run, requests for the same do not wait for each other", async () => {
  const { origin, process } = setUp();
  await process.getPrivate(LONG);
  const calls = origin.calls;
  const both = [process.ask("/public/1"), process.ask("/public/1")];
  assertEquals(origin.calls, calls + 2);
  for (const { status, headers } of await Promise.all(both)) {
    const expected = "test; fwd=uri-miss; fwd-status=200; ttl=60; stored";
    assertEquals([status, headers.get("cache-status")], [200, expected]);
  }
  await Promise.all([process.ask("/public/2"), process.ask("/public/2")]);
  assertEquals(origin.calls, calls + 3, "a response that can be stored has ended the run");
});

Deno.test("where one response in a hundred can be stored, each miss reads the store", async () => {
  const { store, origin, process, other } = setUp();
  for (let time = 0; time < 20; time++) {
    await other.ask(`/public/${time}`);
    const reads = await store.readsDuring(() => process.getPrivate(LONG - 1));
    const calls = origin.calls;
    assertEquals([reads, await process.isHit(`/public/${time}`)], [LONG - 1, true]);
    assertEquals(origin.calls, calls);
    await process.ask(`/public/own-${time}`);
  }
});

Deno.test("what another process stored is missed once at most", async () => {
  const { origin, process, other } = setUp();
  for (let id = 0; id < 10; id++) await other.ask(`/public/${id}`);
  await process.getPrivate(5 * LONG);
  const calls = origin.calls;
  const hits = [];
  for (let id = 0; id < 10; id++) hits.push(await process.isHit(`/public/${id}`));
  assertEquals(hits, [false, ...Array(9).fill(true)]);
  assertEquals(origin.calls, calls + 1);
});

Deno.test("what is in memory is served during the run", async () => {
  const { process, clock } = setUp();
  await process.ask("/public/1");
  await process.getPrivate(5 * LONG);
  assertEquals(await process.isHit("/public/1"), true);
  await clock.advance(61_000);
  assertEquals(await process.isHit("/public/1"), false);
});

Deno.test("only-if-cached reads the store during the run", async () => {
  const { process, other } = setUp();
  await other.ask("/public/1");
  await process.getPrivate(LONG);
  const headers = new Headers({ "cache-control": "only-if-cached" });
  assertEquals(await process.isHit("/public/1", { headers }), true);
});

for (const fails of [503, new GatewayError("upstream-unreachable", "refused")]) {
  const what = fails instanceof GatewayError ? fails.kind : fails;
  Deno.test(`when the origin fails (${what}), the store is read after all`, async () => {
    const { store, origin, process, other, clock } = setUp();
    await other.ask("/public/1");
    await process.getPrivate(LONG);
    await clock.advance(61_000);
    origin.fails = fails;
    const { cached, status } = await process.ask("/public/1");
    assertEquals([status, cached?.isStale], [200, true]);
    origin.fails = undefined;
    assertEquals(await store.readsDuring(() => process.getPrivate(1)), 1, "the run has ended");
  });
}

Deno.test("failures make no run", async () => {
  const { store, origin, process } = setUp();
  origin.fails = 505;
  assertEquals(await store.readsDuring(() => process.getPrivate(3 * LONG)), 3 * LONG);
});

Deno.test("requests with no-store and ranges make no run", async () => {
  const { store, process } = setUp();
  const noStore = { headers: new Headers({ "cache-control": "no-store" }) };
  const range = { headers: new Headers({ range: "bytes=0-0" }) };
  for (const more of [noStore, range]) {
    await process.getPrivate(LONG, more);
    assertEquals(await store.readsDuring(() => process.getPrivate(1)), 1);
  }
});

Deno.test("requests of one client make a run of their own", async () => {
  const { process, other } = setUp();
  await other.ask("/public/1");
  const headers = new Headers({ authorization: "Bearer x" });
  await process.getPrivate(5 * LONG, { headers });
  await process.getPrivate(5 * LONG, { isPersonal: true });
  assertEquals(await process.isHit("/public/1"), true);
});

Deno.test("a purge during the run covers what is stored", async () => {
  const { origin, process, other, clock, open } = setUp();
  await other.ask("/public/1");
  await process.getPrivate(LONG);
  await clock.advance(1);
  await process.opened.purge({ of: "all", isSoft: false, at: clock.wall() });
  await clock.advance(1);
  origin.fails = 503;
  assertEquals((await process.ask("/public/1")).status, 503, "purged responses are not served");
  origin.fails = undefined;
  await process.ask("/public/1");
  assertEquals(await open().isHit("/public/1"), true, "what came after the purge is");
});

Deno.test("a change at the origin during the run is felt by other processes", async () => {
  const { process, other, clock } = setUp();
  await other.ask("/public/1");
  await process.getPrivate(LONG);
  await clock.advance(1_000);
  await process.ask("/public/1", { method: "POST" });
  await clock.advance(1_000);
  assertEquals(await other.isHit("/public/1"), false);
});
