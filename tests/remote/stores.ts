import { assertEquals } from "@std/assert";
import { KvTier } from "../../lib/cache/kv_tier.ts";
import { keyHash } from "../../lib/client_directory.ts";
import { kvClients } from "../../lib/kv_clients.ts";
import { KvStore, REMOTE_KV } from "../../lib/limiter/kv_store.ts";
import { testBucketStore } from "../support/bucket_store_suite.ts";
import { testCacheTier } from "../support/cache_tier_suite.ts";
import { Denokv, withDenokv } from "../support/denokv.ts";
import { testKvBans } from "../support/kv_bans_suite.ts";
import { ManualClock } from "../support/manual_clock.ts";

withDenokv("stores over KV Connect", () => {
  testBucketStore("KV Connect", async () => {
    const server = await Denokv.start();
    const [kv, second] = [await server.open(), await server.open()];
    return {
      store: new KvStore(kv, REMOTE_KV),
      other: new KvStore(second, REMOTE_KV),
      kv,
      async [Symbol.asyncDispose]() {
        kv.close();
        second.close();
        await server[Symbol.asyncDispose]();
      },
    };
  });

  testCacheTier("KV Connect", async () => {
    const server = await Denokv.start();
    const kv = await server.open();
    return {
      tier: new KvTier(kv),
      async [Symbol.asyncDispose]() {
        kv.close();
        await server[Symbol.asyncDispose]();
      },
    };
  });

  testKvBans("KV Connect", async () => {
    const server = await Denokv.start();
    const kv = await server.open();
    return Object.assign(kv, {
      async [Symbol.asyncDispose]() {
        kv.close();
        await server[Symbol.asyncDispose]();
      },
    });
  });

  Deno.test("KV Connect: clients are known, change and are gone as their records are", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    using operator = await server.open();
    const clock = new ManualClock();
    const clients = kvClients(kv, clock);
    const record = ["sluice", "client", keyHash("key")];
    assertEquals(await clients.find("key"), undefined);
    await operator.set(record, { name: "alice", tier: "pro" });
    await clock.advance(1_000);
    assertEquals(await clients.find("key"), { name: "alice", tier: "pro" });
    await operator.delete(record);
    await clock.advance(1_000);
    assertEquals(await clients.find("key"), undefined);
  });
});
