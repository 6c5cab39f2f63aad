import { assertEquals, assertRejects } from "@std/assert";
import { keyHash } from "../../lib/client_directory.ts";
import { kvClients } from "../../lib/kv_clients.ts";
import { ManualClock } from "../support/manual_clock.ts";

Deno.test("a record in the store makes its key known", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = kvClients(kv, new ManualClock());
  await kv.set(recordOf("key-a"), { name: "alice" });
  await kv.set(recordOf("key-b"), { name: "bob", tier: "pro" });
  assertEquals(await clients.find("key-a"), { name: "alice", tier: undefined });
  assertEquals(await clients.find("key-b"), { name: "bob", tier: "pro" });
  assertEquals(await clients.find("key-c"), undefined);
});

Deno.test("an added, a changed and a deleted record are felt within a second", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const clients = kvClients(kv, clock);
  const steps: [change: () => Promise<unknown>, expected: unknown][] = [
    [() => kv.set(recordOf("key"), { name: "alice" }), { name: "alice", tier: undefined }],
    [() => kv.set(recordOf("key"), { name: "alice", tier: "pro" }), { name: "alice", tier: "pro" }],
    [() => kv.delete(recordOf("key")), undefined],
    [() => kv.set(recordOf("key"), { name: "bob" }), { name: "bob", tier: undefined }],
  ];
  assertEquals(await clients.find("key"), undefined);
  for (const [change, expected] of steps) {
    await change();
    await clock.advance(1_000);
    assertEquals(await clients.find("key"), expected);
  }
});

Deno.test("an answer is believed for a second: the store is not asked for each request", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const clients = kvClients(kv, clock);
  await kv.set(recordOf("key"), { name: "alice" });
  await clients.find("key");
  await kv.set(recordOf("key"), { name: "bob" });
  await clock.advance(999);
  assertEquals((await clients.find("key"))?.name, "alice");
  await clock.advance(1);
  assertEquals((await clients.find("key"))?.name, "bob");
});

Deno.test("asking often does not keep an old answer alive", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const clients = kvClients(kv, clock);
  await kv.set(recordOf("key"), { name: "alice" });
  await clients.find("key");
  await kv.delete(recordOf("key"));
  for (let i = 0; i < 4; i++) {
    await clock.advance(250);
    await clients.find("key");
  }
  assertEquals(await clients.find("key"), undefined);
});

Deno.test("a record that is no client of ours is nobody", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = kvClients(kv, new ManualClock());
  const foreign: unknown[] = [
    null,
    true,
    7,
    "alice",
    [],
    ["alice"],
    {},
    { tier: "pro" },
    { name: "" },
    { name: 7 },
    { name: null },
    { name: ["alice"] },
    new Uint8Array(4),
    new Map([["name", "alice"]]),
    new Deno.KvU64(7n),
  ];
  for (const [index, record] of foreign.entries()) {
    await kv.set(recordOf(`key-${index}`), record);
    assertEquals(await clients.find(`key-${index}`), undefined, Deno.inspect(record));
  }
});

Deno.test("a tier that is no text is none", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = kvClients(kv, new ManualClock());
  for (const [index, tier] of [7, null, ["pro"], {}].entries()) {
    await kv.set(recordOf(`key-${index}`), { name: "alice", tier, more: 1 });
    assertEquals(await clients.find(`key-${index}`), { name: "alice", tier: undefined });
  }
});

Deno.test("a store that cannot be asked rejects, and is asked again for the next", async () => {
  using kv = await Deno.openKv(":memory:");
  let isBroken = true;
  const get = kv.get.bind(kv);
  kv.get = (key, options) =>
    isBroken ? Promise.reject(new Error("the store is broken")) : get(key, options);
  const clients = kvClients(kv, new ManualClock());
  await kv.set(recordOf("key"), { name: "alice" });
  await assertRejects(async () => await clients.find("key"), Error, "the store is broken");
  isBroken = false;
  assertEquals((await clients.find("key"))?.name, "alice");
});

function recordOf(key: string): Deno.KvKey {
  return ["sluice", "client", keyHash(key)];
}
