import { assertEquals, assertRejects } from "@std/assert";
import { keyHash, type KnownClient } from "../../../lib/operator/client_directory.ts";
import { CachedClients } from "../../../lib/operator/cached_clients.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const MINUTE_MS = 60_000;

/** Clients over a store of which a test decides what it says, by the keys themselves. */
function start() {
  const clock = new ManualClock();
  const store = new Map<string, KnownClient>();
  const asked: string[] = [];
  const it = { isLost: false };
  const clients = new CachedClients(async (hash) => {
    asked.push(hash);
    await clock.sleep(1);
    if (it.isLost) throw new Error("the store is lost");
    return store.get(hash);
  }, clock);
  const set = (key: string, name: string) => store.set(keyHash(key), { name, tier: undefined });
  const find = async (key: string) => {
    const found = Promise.resolve(clients.find(key));
    found.catch(() => {});
    await clock.advance(1);
    return (await found)?.name;
  };
  return { clock, store, asked, it, clients, set, find };
}

Deno.test("a client is looked up once, however often it comes", async () => {
  const { asked, set, find } = start();
  set("key", "alice");
  for (let i = 0; i < 20; i++) assertEquals(await find("key"), "alice");
  assertEquals(asked, [keyHash("key")]);
});

Deno.test("requests during a lookup share it", async () => {
  const { clock, asked, clients, set } = start();
  set("key", "alice");
  const found = Promise.all(Array.from({ length: 20 }, () => clients.find("key")));
  await clock.advance(1);
  assertEquals(new Set((await found).map((client) => client?.name)), new Set(["alice"]));
  assertEquals(asked.length, 1);
});

Deno.test("after a change each client is looked up again, also one whose lookup was under way", async () => {
  const { clock, asked, clients, set, find } = start();
  set("key", "alice");
  const early = clients.find("key");
  clients.forget();
  set("key", "bob");
  assertEquals(await find("key"), "bob");
  await clock.advance(1);
  await early;
  assertEquals(await find("key"), "bob", "what was asked before the change is not remembered");
  clients.forget();
  set("key", "carol");
  assertEquals(await find("key"), "carol");
  assertEquals(asked.length, 3);
});

Deno.test("an unknown key is looked up again after a second, a client after a minute", async () => {
  const { clock, asked, set, find, store } = start();
  assertEquals(await find("key"), undefined);
  set("key", "alice");
  await clock.advance(990);
  assertEquals(await find("key"), undefined);
  await clock.advance(10);
  assertEquals(await find("key"), "alice");
  store.clear();
  await clock.advance(MINUTE_MS - 10);
  assertEquals(await find("key"), "alice");
  await clock.advance(10);
  assertEquals(await find("key"), undefined);
  assertEquals(asked.length, 3);
});

Deno.test("while the store is lost what it said last holds, and who is new cannot be known", async () => {
  const { clock, it, clients, set, find } = start();
  set("key", "alice");
  assertEquals(await find("key"), "alice");
  clients.forget();
  it.isLost = true;
  for (let i = 0; i < 20; i++) assertEquals(await find("key"), "alice");
  await assertRejects(() => find("new"), Error, "the store is lost");
  it.isLost = false;
  set("key", "bob");
  await clock.advance(1_000);
  assertEquals(await find("key"), "bob");
  assertEquals(await find("new"), undefined);
});

Deno.test("guessed keys do not push out those that are known", async () => {
  const asked: string[] = [];
  const clients = new CachedClients((hash) => {
    asked.push(hash);
    return Promise.resolve(
      hash === keyHash("key") ? { name: "alice", tier: undefined } : undefined,
    );
  }, new ManualClock());
  await clients.find("key");
  for (let i = 0; i < 20_000; i++) await clients.find(`guess ${i}`);
  const { length } = asked;
  assertEquals((await clients.find("key"))?.name, "alice");
  assertEquals(asked.length, length);
});
