// deno-lint-ignore-file no-console -- its output is its purpose
import { systemClock as clock } from "../../lib/core/clock.ts";
import { bucketShape, fullBucket } from "../../lib/limiter/bucket.ts";
import { KvStore, LOCAL_KV, REMOTE_KV } from "../../lib/limiter/stores/kv_store.ts";
import type { Limit } from "../../lib/limiter/limit.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import type { BucketStore, BucketWrite } from "../../lib/limiter/stores/bucket_store.ts";
import { Denokv, isInstalled } from "../../tests/support/denokv.ts";

const ROUNDS = 5;
const MEASURE_MS = 400;
/** Decisions after which others get their turn: those that need no store would never end. */
const TURN = 256;
const QUIET = { signal: new AbortController().signal, deadline: Infinity };

/** A store, and the calls to it. */
class CountingStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  readonly repeatsAfterMs: number;
  roundTrips = 0;
  readonly #store: BucketStore;

  constructor(store: BucketStore) {
    this.#store = store;
    ({ maxWrites: this.maxWrites, concurrency: this.concurrency, skewMs: this.skewMs } = store);
    this.repeatsAfterMs = store.repeatsAfterMs ?? Infinity;
  }

  read(keys: readonly string[]) {
    this.roundTrips++;
    return this.#store.read(keys);
  }

  commit(writes: readonly BucketWrite[]) {
    this.roundTrips++;
    return this.#store.commit(writes);
  }
}

/** A kind of traffic. */
interface Traffic {
  readonly name: string;
  readonly limit: Limit;
  readonly concurrency: number;
  readonly keyOf: (index: number) => string;
}

/** A limit that denies nothing. */
function limitOf(burst: number): Limit {
  const shape = bucketShape(1_000_000, 1_000, burst);
  return { name: "it", shape, waitMs: 0, queue: 0, onStoreFailure: "closed" };
}

/** Large enough to lease of, and too small for that. */
const [LEASED, WITHOUT_LEASES] = [limitOf(1_000_000), limitOf(10_000)];
const hot = () => "hot";
const TRAFFIC: readonly Traffic[] = [
  {
    name: "one client, one at a time, through the store",
    limit: WITHOUT_LEASES,
    concurrency: 1,
    keyOf: hot,
  },
  { name: "one client, one at a time, leased", limit: LEASED, concurrency: 1, keyOf: hot },
  {
    name: "one client, 64 at a time, through the store",
    limit: WITHOUT_LEASES,
    concurrency: 64,
    keyOf: hot,
  },
  { name: "one client, 64 at a time, leased", limit: LEASED, concurrency: 64, keyOf: hot },
  {
    name: "1,000 clients, 64 at a time",
    limit: WITHOUT_LEASES,
    concurrency: 64,
    keyOf: (index) => `${index % 1_000}`,
  },
  {
    name: "each client once, 64 at a time",
    limit: WITHOUT_LEASES,
    concurrency: 64,
    keyOf: (index) => `once ${index}`,
  },
];

/** How often something was done in a while, and the round trips that each took. */
interface Result {
  readonly perSecond: number;
  readonly roundTrips: number;
}

/** Compare and set, one after another, each over the version that the last one made. */
async function transactions(store: CountingStore): Promise<Result> {
  const level = fullBucket(LEASED.shape, Date.now());
  const [stored] = await store.read(["transactions"]);
  let version = stored?.version ?? null;
  return await measure(store, 1, async () => {
    version = await store.commit([{ key: "transactions", level, version, lifetimeMs: 60_000 }]) ??
      null;
    if (version === null) throw new Error("another process wrote first");
  });
}

async function decisions(store: CountingStore, traffic: Traffic): Promise<Result> {
  const { limit, concurrency, keyOf } = traffic;
  const limiter = new Limiter({ store, clock, random: Math.random, maxBuckets: 50_000 });
  let next = 0;
  const run = Math.random();
  const result = await measure(store, concurrency, () => {
    const key = traffic.keyOf === hot ? hot() : `${run} ${keyOf(next++)}`;
    return limiter.take([{ key, limit, tokens: 1 }], QUIET);
  });
  await limiter.close();
  return result;
}

/** Repeats an operation for a while, at this concurrency. */
async function measure(
  store: CountingStore,
  concurrency: number,
  act: () => unknown,
): Promise<Result> {
  const before = store.roundTrips;
  const begun = performance.now();
  let done = 0;
  await Promise.all(Array.from({ length: concurrency }, async () => {
    while (performance.now() - begun < MEASURE_MS) {
      await act();
      if (++done % TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }));
  const seconds = (performance.now() - begun) / 1_000;
  return { perSecond: done / seconds, roundTrips: (store.roundTrips - before) / done };
}

await using closing = new AsyncDisposableStack();
const folder = await Deno.makeTempDir();
closing.defer(() => Deno.remove(folder, { recursive: true }));
const file = closing.use(await Deno.openKv(`${folder}/bench.kv`));
const stores: [name: string, store: CountingStore][] = [
  ["memory", new CountingStore(new MemoryStore(clock))],
  ["KV file", new CountingStore(new KvStore(file, LOCAL_KV))],
];
if (isInstalled) {
  const server = closing.use(await Denokv.start());
  const kv = closing.use(await server.open());
  stores.push(["KV Connect, loopback", new CountingStore(new KvStore(kv, REMOTE_KV))]);
} else console.log("skipped: KV Connect, for denokv is not installed (or DENOKV=path)");

const rows: [name: string, run: (store: CountingStore) => Promise<Result>][] = [
  ["transactions, one at a time", transactions],
  ...TRAFFIC.map((traffic): [string, (store: CountingStore) => Promise<Result>] => [
    traffic.name,
    (store) => decisions(store, traffic),
  ]),
];

console.log(`median of ${ROUNDS} rounds of ${MEASURE_MS} ms; ratios round by round, to memory`);
for (const [name, run] of rows) {
  const results = stores.map((): Result[] => []);
  // The first round warms up. Stores take turns, so that a slow moment meets them all.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, [, store]] of stores.entries()) {
      const result = await run(store);
      if (round >= 0) results[index]?.push(result);
    }
  }
  console.log(`\n${name}`);
  console.table(Object.fromEntries(stores.map(([store], index) => {
    const own = results[index] ?? [];
    const ratios = own.map(({ perSecond }, i) => perSecond / (results[0]?.[i]?.perSecond ?? NaN));
    return [store, {
      "a second": Math.round(median(own.map(({ perSecond }) => perSecond))),
      "to memory": median(ratios).toPrecision(2),
      "round trips each": median(own.map(({ roundTrips }) => roundTrips)).toPrecision(2),
    }];
  })));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
