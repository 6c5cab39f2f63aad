import type { Clock } from "../../lib/core/clock.ts";
import { DEFAULTS } from "../../lib/core/defaults.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import { GuardedStore } from "../../lib/limiter/stores/guarded_store.ts";
import { KvStore, LOCAL_KV, REMOTE_KV } from "../../lib/limiter/stores/kv_store.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { guardKv, openStore } from "../../lib/store/open_store.ts";

/** A limiter, with the store of its buckets. */
export interface OpenLimiter {
  readonly limiter: Limiter;
  readonly close: () => Promise<void>;
}

/**
 * Opens a limiter.
 * @param store an open Deno KV, which stays open, or where one is to be opened; `:memory:` needs none
 */
export async function openLimiter(store: Deno.Kv | string, clock: Clock): Promise<OpenLimiter> {
  const closing = new AsyncDisposableStack();
  const isRemote = typeof store === "string" && store.startsWith("http");
  const backend = isRemote ? REMOTE_KV : LOCAL_KV;
  const guarding = { clock, random: Math.random, timeoutMs: backend.timeoutMs, log: () => {} };
  const limiterOf = (buckets: ConstructorParameters<typeof Limiter>[0]["store"]) => {
    const { maxBuckets } = DEFAULTS;
    const limiter = new Limiter({ store: buckets, clock, random: Math.random, maxBuckets });
    closing.defer(() => limiter.close());
    return { limiter, close: () => closing.disposeAsync() };
  };
  if (store === ":memory:") return limiterOf(new MemoryStore(clock));
  const { kv, guard } = typeof store === "string"
    ? closing.use(await openStore(store, guarding))
    : { kv: store, guard: guardKv(store, guarding) };
  return limiterOf(new GuardedStore(new KvStore(kv, backend), guard));
}
