import { assertEquals, assertNotEquals } from "@std/assert";
import { kvTier } from "../support/kv_tier.ts";
import { keyHash } from "../../lib/operator/client_directory.ts";
import { KvStore, REMOTE_KV } from "../../lib/limiter/stores/kv_store.ts";
import { KvBlocks } from "../../lib/operator/kv_blocks.ts";
import { KvChanges } from "../../lib/operator/kv_changes.ts";
import { KvClients } from "../../lib/operator/kv_clients.ts";
import { NOW, testBucketStore } from "../support/bucket_store_suite.ts";
import { testCacheTier } from "../support/cache_tier_suite.ts";
import { Denokv, withDenokv } from "../support/denokv.ts";
import { testKvBans } from "../support/kv_purges_suite.ts";

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
      tier: kvTier(kv),
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

  Deno.test("KV Connect: what one process's operator changes is what another's reads", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    using second = await server.open();
    const [changes, others] = [new KvChanges(kv), new KvChanges(second)];
    const [clients, read] = [new KvClients(kv, changes), new KvClients(second, others)];
    const before = await others.read();
    await clients.create({ name: "alice", tier: undefined }, keyHash("key"), NOW);
    await clients.setTier("alice", "pro");
    assertEquals(await read.find(keyHash("key")), { name: "alice", tier: "pro" });
    assertNotEquals(await others.read(), before);
    await read.revoke("alice");
    assertEquals(await clients.find(keyHash("key")), undefined);

    const [blocks, theirs] = [new KvBlocks(kv, changes), new KvBlocks(second, others)];
    const block = { of: "client bob", at: NOW, until: NOW + 3_600_000 } as const;
    await blocks.set(block);
    assertEquals(await theirs.page(undefined), { blocks: [block], next: undefined });
    assertEquals([await theirs.lift(block.of), await blocks.lift(block.of)], [true, false]);
  });

  Deno.test("KV Connect: operators who change at once all have their way", async () => {
    await using server = await Denokv.start();
    using kv = await server.open();
    using second = await server.open();
    const both = [kv, second].map((kv) => new KvClients(kv, new KvChanges(kv)));
    const names = Array.from({ length: 12 }, (_, i) => `client-${i + 10}`);
    await Promise.all(
      names.map((name, i) => both[i % 2]?.create({ name, tier: undefined }, keyHash(name), NOW)),
    );
    const listed = await both[0]?.list(undefined, 100);
    assertEquals(listed?.map(({ name }) => name), names);
  });
});
