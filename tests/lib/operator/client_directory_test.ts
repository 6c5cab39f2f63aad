import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { configuredClients, keyHash } from "../../../lib/operator/client_directory.ts";

Deno.test("each key finds its own client", () => {
  const clients = configuredClients([
    { name: "alice", tier: undefined, key: "key-a" },
    { name: "bob", tier: "pro", key: "key-b" },
  ]);
  assertEquals(clients.find("key-a"), { name: "alice", tier: undefined });
  assertEquals(clients.find("key-b"), { name: "bob", tier: "pro" });
});

Deno.test("any other key finds no client", () => {
  const clients = configuredClients([{ name: "alice", tier: undefined, key: "key-a" }]);
  for (const key of ["", "key-", "key-aa", "KEY-A", "alice", keyHash("key-a"), "__proto__"]) {
    assertEquals(clients.find(key), undefined, key);
  }
  assertEquals(configuredClients([]).find("key-a"), undefined);
});

Deno.test("a client may have several keys", () => {
  const clients = configuredClients([
    { name: "alice", tier: undefined, key: "old" },
    { name: "alice", tier: undefined, key: "new" },
  ]);
  assertEquals(clients.find("old"), clients.find("new"));
});

Deno.test("a directory shows no key and no hash of one", () => {
  const clients = configuredClients([{ name: "alice", tier: undefined, key: "key-a" }]);
  const shown = JSON.stringify(clients) + JSON.stringify(clients.find("key-a"));
  for (const secret of ["key-a", keyHash("key-a")]) assertEquals(shown.includes(secret), false);
});

Deno.test("a key's hash is the SHA-256 that anybody can compute", () => {
  assertEquals(
    keyHash("abc"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  assertMatch(keyHash("ключ"), /^[\da-f]{64}$/);
  assertNotEquals(keyHash("a"), keyHash("b"));
});
