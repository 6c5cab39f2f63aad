import { assertEquals, assertRejects } from "@std/assert";
import { keyHash } from "../../../lib/operator/client_directory.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { KvChanges } from "../../../lib/operator/kv_changes.ts";
import { KvClients } from "../../../lib/operator/kv_clients.ts";

function clientsOf(kv: Deno.Kv): KvClients {
  return new KvClients(kv, new KvChanges(kv));
}

function recordOf(key: string): Deno.KvKey {
  return ["sluice", "client", keyHash(key)];
}

const ALICE = { name: "alice", tier: undefined };

Deno.test("a client is created, given keys and a tier, and revoked", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = clientsOf(kv);
  await clients.create(ALICE, keyHash("one"), 5);
  assertEquals(await clients.find(keyHash("one")), ALICE);
  assertEquals(await clients.get("alice"), { ...ALICE, at: 5, hashes: [keyHash("one")] });

  await clients.addKey("alice", keyHash("two"));
  await clients.setTier("alice", "pro");
  for (const key of ["one", "two"]) {
    assertEquals(await clients.find(keyHash(key)), { name: "alice", tier: "pro" });
  }
  await clients.dropOldKeys("alice");
  assertEquals(await clients.find(keyHash("one")), undefined);
  assertEquals(await clients.find(keyHash("two")), { name: "alice", tier: "pro" });

  await clients.revoke("alice");
  assertEquals(await clients.find(keyHash("two")), undefined);
  assertEquals(await clients.get("alice"), undefined);
  const left = await Array.fromAsync(kv.list({ prefix: ["sluice"] }), ({ key }) => key.join("/"));
  assertEquals(left, ["sluice/operator-changed"]);
});

Deno.test("a missing or existing client is an error, and nothing changes", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = clientsOf(kv);
  await clients.create(ALICE, keyHash("one"), 5);
  const attempts: [() => Promise<unknown>, string][] = [
    [() => clients.create(ALICE, keyHash("two"), 6), "bad-request"],
    [() => clients.create({ ...ALICE, name: "bob" }, keyHash("one"), 6), "bad-request"],
    [() => clients.addKey("bob", keyHash("two")), "not-found"],
    [() => clients.dropOldKeys("bob"), "not-found"],
    [() => clients.setTier("bob", "pro"), "not-found"],
    [() => clients.revoke("bob"), "not-found"],
  ];
  const before = await new KvChanges(kv).read();
  for (const [attempt, kind] of attempts) {
    const error = await assertRejects(attempt, GatewayError);
    assertEquals(error.kind, kind);
  }
  assertEquals(await new KvChanges(kv).read(), before);
  assertEquals(await clients.list(undefined, 10), [{ ...ALICE, at: 5, hashes: [keyHash("one")] }]);
});

Deno.test("a key given twice is one key, and there are 20 at most", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = clientsOf(kv);
  await clients.create(ALICE, keyHash("0"), 5);
  assertEquals((await clients.addKey("alice", keyHash("0"))).hashes.length, 1);
  for (let i = 1; i < 20; i++) await clients.addKey("alice", keyHash(`${i}`));
  const error = await assertRejects(() => clients.addKey("alice", keyHash("20")), GatewayError);
  assertEquals(error.kind, "bad-request");
});

Deno.test("clients are listed in the order of their names, from any name on", async () => {
  using kv = await Deno.openKv(":memory:");
  const clients = clientsOf(kv);
  const names = ["a", "a b", "ab", "b/c", "\u00e9", "\u4f60", "z"];
  for (const name of names.toReversed()) {
    await clients.create({ name, tier: undefined }, keyHash(name), 1);
  }
  const all = (await clients.list(undefined, 100)).map(({ name }) => name);
  assertEquals(all.toSorted(), names.toSorted());
  const paged: string[] = [];
  let after: string | undefined;
  while (true) {
    const page = await clients.list(after, 2);
    if (page.length === 0) break;
    paged.push(...page.map(({ name }) => name));
    after = page.at(-1)?.name;
  }
  assertEquals(paged, all);
});

Deno.test("operators who change one client at once both have their change", async () => {
  const path = await Deno.makeTempFile();
  using one = await Deno.openKv(path);
  using other = await Deno.openKv(path);
  await clientsOf(one).create(ALICE, keyHash("0"), 1);
  await Promise.all(
    Array.from(
      { length: 12 },
      (_, i) => clientsOf(i % 2 ? one : other).addKey("alice", keyHash(`${i + 1}`)),
    ),
  );
  assertEquals((await clientsOf(one).get("alice"))?.hashes.length, 13);
  for (let i = 0; i <= 12; i++) {
    assertEquals(await clientsOf(other).find(keyHash(`${i}`)), ALICE);
  }
  for (const suffix of ["", "-shm", "-wal"]) await Deno.remove(path + suffix).catch(() => {});
});

Deno.test("of two who create one name, one does", async () => {
  using kv = await Deno.openKv(":memory:");
  const created = await Promise.allSettled(
    ["one", "two"].map((key) => clientsOf(kv).create(ALICE, keyHash(key), 1)),
  );
  assertEquals(created.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
  const { hashes = [] } = await clientsOf(kv).get("alice") ?? {};
  assertEquals(hashes.length, 1);
  const found = await Promise.all(["one", "two"].map((key) => clientsOf(kv).find(keyHash(key))));
  assertEquals(found.filter((client) => client !== undefined).length, 1);
});

Deno.test("a record that was written by hand makes its key known", async () => {
  using kv = await Deno.openKv(":memory:");
  await kv.set(recordOf("key"), { name: "bob", tier: "pro" });
  assertEquals(await clientsOf(kv).find(keyHash("key")), { name: "bob", tier: "pro" });
  assertEquals(await clientsOf(kv).get("bob"), undefined);
});

Deno.test("a malformed record is not a client", async () => {
  using kv = await Deno.openKv(":memory:");
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
    { name: "x".repeat(201) },
    new Uint8Array(4),
    new Map([["name", "alice"]]),
    new Deno.KvU64(7n),
  ];
  for (const [index, record] of foreign.entries()) {
    await kv.set(recordOf(`key-${index}`), record);
    await kv.set(["sluice", "client-name", `name-${index}`], record);
    const found = await clientsOf(kv).find(keyHash(`key-${index}`));
    assertEquals(found, undefined, Deno.inspect(record));
    assertEquals(await clientsOf(kv).get(`name-${index}`), undefined, Deno.inspect(record));
  }
  assertEquals(await clientsOf(kv).list(undefined, 100), []);
});

Deno.test("a tier that is no text is none", async () => {
  using kv = await Deno.openKv(":memory:");
  for (const [index, tier] of [7, null, ["pro"], {}].entries()) {
    await kv.set(recordOf(`key-${index}`), { name: "alice", tier, more: 1 });
    assertEquals(await clientsOf(kv).find(keyHash(`key-${index}`)), ALICE);
  }
});
