// deno-lint-ignore-file no-console -- its output is its purpose
import { systemClock as clock } from "../../lib/core/clock.ts";
import { DEFAULTS } from "../../lib/core/defaults.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { KvStore, LOCAL_KV } from "../../lib/limiter/stores/kv_store.ts";
import type { Limit } from "../../lib/limiter/limit.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";

/** Numbers of clients, each with one request, after which memory is measured. */
const MILESTONES = [100_000, 250_000, 500_000, 1_000_000];
const CONCURRENCY = 512;
const WARM_UP = 300_000;

const folder = await Deno.makeTempDir();
const kv = await Deno.openKv(`${folder}/memory.kv`);
const { maxBuckets } = DEFAULTS;
const store = new KvStore(kv, LOCAL_KV);
const limiter = new Limiter({ store, clock, random: Math.random, maxBuckets });
const limit: Limit = {
  name: "perClient",
  shape: bucketShape(1_000_000, 1_000, 1_000_000),
  waitMs: 0,
  queue: 0,
  onStoreFailure: "closed",
};
const patience = { signal: new AbortController().signal, deadline: Infinity };

/** Requests one token of each key, many at a time. */
async function askFor(count: number, keyOf: (index: number) => string): Promise<void> {
  let sent = 0;
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (sent < count) {
      const charge = { key: keyOf(sent++), limit, tokens: 1 };
      const { outcome } = await limiter.take([charge], patience);
      if (outcome === "unavailable") throw new Error("the store is in the way");
    }
  }));
}

// What the same traffic from few clients takes is the engine's and the store's own.
await askFor(WARM_UP, (index) => `few ${index % CONCURRENCY}`);
const before = memory();
let clients = 0;
const rows = [];
for (const milestone of MILESTONES) {
  const from = clients;
  await askFor(milestone - from, (index) => `perClient|1000/1/1000000||ip 192.0.${from + index}`);
  clients = milestone;
  const { heap, resident } = memory();
  rows.push({
    "clients, once each": clients,
    remembered: limiter.size,
    "heap MB": ((heap - before.heap) / 1e6).toFixed(1),
    "resident MB": ((resident - before.resident) / 1e6).toFixed(1),
  });
}
console.log(`memory above what ${WARM_UP} requests of ${CONCURRENCY} clients left`);
console.table(rows);
kv.close();
await Deno.remove(folder, { recursive: true });

function memory(): { heap: number; resident: number } {
  const collect: unknown = Reflect.get(globalThis, "gc"); // there with --expose-gc
  if (typeof collect === "function") collect();
  const { heapUsed, rss } = Deno.memoryUsage();
  return { heap: heapUsed, resident: rss };
}
