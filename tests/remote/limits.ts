import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import { KvStore, REMOTE_KV } from "../../lib/limiter/stores/kv_store.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import type { BucketStore } from "../../lib/limiter/stores/bucket_store.ts";
import { Denokv, withDenokv } from "../support/denokv.ts";

const QUIET = new AbortController().signal;

/** One atomic operation that checks and writes so many keys. */
function checksOf(kv: Deno.Kv, count: number): Promise<unknown> {
  const atomic = kv.atomic();
  for (let i = 0; i < count; i++) {
    const key = ["limits", count, i];
    atomic.check({ key, versionstamp: null }).set(key, i);
  }
  return atomic.commit();
}

/** One atomic operation that writes so many values of 60 KiB. */
function chunksOf(kv: Deno.Kv, count: number): Promise<Deno.KvCommitResult | Deno.KvCommitError> {
  const atomic = kv.atomic();
  for (let i = 0; i < count; i++) atomic.set(["chunks", i], new Uint8Array(60 * 1024));
  return atomic.commit();
}

withDenokv("the limits of KV Connect", () => {
  Deno.test("KV Connect: an atomic operation checks ten keys, and the gateway uses no more", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    assertEquals(REMOTE_KV.maxWrites, 10);
    await checksOf(kv, 10);
    await assertRejects(() => checksOf(kv, 11), Error, "Too many checks");
  });

  Deno.test("KV Connect: what the cache writes and removes at once is taken", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    assert((await chunksOf(kv, 12)).ok);
    const atomic = kv.atomic();
    for (let i = 0; i < 200; i++) atomic.delete(["chunks", "x".repeat(64), "y".repeat(36), i]);
    assert((await atomic.commit()).ok);
  });

  Deno.test("KV Connect: a hundred clients at once are decided ten to a transaction", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    const sizes: number[] = [];
    const store = new KvStore(kv, REMOTE_KV);
    const counting: BucketStore = {
      ...REMOTE_KV,
      read: (keys) => store.read(keys),
      commit(writes) {
        sizes.push(writes.length);
        return store.commit(writes);
      },
    };
    const limiter = new Limiter({ store: counting, clock, random: Math.random, maxBuckets: 1_000 });
    const limit = {
      name: "it",
      shape: bucketShape(1, 3_600_000, 5),
      waitMs: 0,
      queue: 0,
      onStoreFailure: "closed",
    } as const;
    const decisions = await Promise.all(
      Array.from(
        { length: 100 },
        (_, i) =>
          limiter.take([{ key: `${i}`, limit, tokens: 1 }], { signal: QUIET, deadline: Infinity }),
      ),
    );
    assertEquals(new Set(decisions.map(({ outcome }) => outcome)), new Set(["admitted"]));
    assertLessOrEqual(Math.max(...sizes), 10);
    assertLessOrEqual(sizes.length, 20, "they share transactions");
    await limiter.close();
  });
});
