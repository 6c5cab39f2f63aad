import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { ClientsConfig } from "../../lib/config/client.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";

const BURST = 50;
const KEYS = { A_KEY: "key-of-alice", B_KEY: "key-of-bob" };
const KNOWN = { alice: { env: "A_KEY" }, bob: { env: "B_KEY", tier: "pro" } };
/** The test's own address, whose word is believed. */
const TRUSTING = { trustedProxies: ["127.0.0.1"] };

Deno.test("a client is known by the key in its header, and counted by itself", async () => {
  await using gateway = start({ clients: { key: "header:x-api-key", known: KNOWN } });
  const alice = { "x-api-key": "key-of-alice" };
  const bob = { "x-api-key": "key-of-bob" };
  assertEquals(await taken(gateway, [alice, alice, bob, {}, alice]), [1, 2, 1, 1, 3]);
});

Deno.test("a client is known by its bearer token, however the scheme is written", async () => {
  await using gateway = start({ clients: { key: "bearer", known: KNOWN } });
  const shown = ["Bearer key-of-alice", "bearer key-of-alice", "BEARER  key-of-alice"];
  assertEquals(await taken(gateway, shown.map((authorization) => ({ authorization }))), [1, 2, 3]);
  const others = ["Basic key-of-alice", "key-of-alice", "Bearer", "Bearer key-of-alice x"];
  assertEquals(
    await taken(gateway, others.map((authorization) => ({ authorization }))),
    [1, 2, 3, 4],
  );
});

Deno.test("a known client is the same from any address", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN },
    ...TRUSTING,
  });
  const from = (address: string) => ({ "x-api-key": "key-of-alice", "x-forwarded-for": address });
  assertEquals(await taken(gateway, [from("192.0.2.1"), from("192.0.2.2")]), [1, 2]);
});

Deno.test("an unknown key is counted by the address: another key escapes nothing", async () => {
  await using gateway = start({ clients: { key: "header:x-api-key", known: KNOWN } });
  const wrong = ["guess-1", "guess-2", "KEY-OF-ALICE", "key-of-alice2", "key-of-alic", "alice", ""];
  const shown = wrong.map((key) => ({ "x-api-key": key }));
  assertEquals(await taken(gateway, [...shown, {}]), [1, 2, 3, 4, 5, 6, 7, 8]);
});

for (const key of ["header:x-api-key", "bearer"] as const) {
  Deno.test(`a client that must be known by ${key} and is not is refused with 401`, async () => {
    await using gateway = start({ clients: { key, known: KNOWN, required: true } });
    for (const shown of [{}, { "x-api-key": "guess", authorization: "Bearer guess" }]) {
      const response = await get(gateway, shown);
      assertEquals(response.status, 401);
      assertEquals(response.headers.get("content-type"), "application/problem+json");
      assertNotEquals(response.headers.get("www-authenticate"), null);
      assertEquals(JSON.parse(response.text).type, "/_gateway/problems/unauthorized");
    }
    const known = { "x-api-key": "key-of-alice", authorization: "Bearer key-of-alice" };
    assertEquals((await get(gateway, known)).status, 200);
  });
}

Deno.test("guessing keys ends in 429, and leaves known clients alone", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN, required: true },
    limits: { one: { rate: "1/h", burst: 3 } },
  });
  const statuses: number[] = [];
  for (let guess = 0; guess < 5; guess++) {
    statuses.push((await get(gateway, { "x-api-key": `guess-${guess}` })).status);
  }
  assertEquals(statuses, [401, 401, 401, 429, 429]);
  assertEquals((await get(gateway, { "x-api-key": "key-of-alice" })).status, 200);
});

Deno.test("a refused client reaches no upstream", async () => {
  let calls = 0;
  const source = () => {
    calls++;
    return Promise.resolve(json({}));
  };
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN, required: true },
    upstreams: { api: { source } },
  });
  await get(gateway, {});
  assertEquals(calls, 0);
});

Deno.test("a route without a limit refuses unknown clients too", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN, required: true },
    routes: { "GET /a": { forward: "api" } },
  });
  assertEquals((await get(gateway, {})).status, 401);
  assertEquals((await get(gateway, { "x-api-key": "key-of-bob" })).status, 200);
});

Deno.test("the gateway's own routes and preflights need no key", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN, required: true },
    cors: { origins: ["https://app.example"] },
  });
  const health = await fetch(`${gateway.url}/_gateway/health/live`);
  await health.body?.cancel();
  assertEquals(health.status, 200);
  const preflight = await fetch(`${gateway.url}/a`, {
    method: "OPTIONS",
    headers: { origin: "https://app.example", "access-control-request-method": "GET" },
  });
  assertEquals(preflight.status, 204);
});

Deno.test("a client has the tier of its key", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN },
    limits: { one: { rate: "1/h", burst: 2, tiers: { pro: { rate: "1/h", burst: 9 } } } },
  });
  const policy = async (key: string) =>
    (await get(gateway, { "x-api-key": key })).headers.get("ratelimit-policy");
  assertEquals(await policy("key-of-alice"), '"one";q=2;w=7200');
  assertEquals(await policy("key-of-bob"), '"one";q=9;w=32400');
});

Deno.test("no key appears in a response, in the access log or in an error", async () => {
  for (const key of ["header:x-api-key", "bearer"] as const) {
    await using gateway = start({
      clients: { key, known: KNOWN, required: true },
      limits: { one: { rate: "1/h", burst: 1, by: ["client", "header:x-other", "ip"] } },
    });
    const secrets = ["key-of-alice", "guessed-secret", "other-secret"];
    let shown = "";
    for (const secret of [...secrets, ...secrets]) {
      const { status, headers, text } = await get(gateway, {
        "x-api-key": secret,
        "x-other": "other-secret",
        authorization: `Bearer ${secret}`,
      });
      shown += `${status} ${JSON.stringify([...headers])} ${text}\n`;
    }
    await until(() => gateway.log.length === 2 * secrets.length);
    shown += JSON.stringify(gateway.log) + String(gateway.errors);
    assert(/ratelimit/.test(shown) && /429/.test(shown) && /401/.test(shown));
    for (const secret of secrets) assert(!shown.includes(secret), `${secret} in ${shown}`);
  }
});

Deno.test("the access log names known clients, and has no key", async () => {
  await using gateway = start({ clients: { key: "header:x-api-key", known: KNOWN } });
  for (const key of ["key-of-alice", "key-of-bob", "key-of-alice"]) {
    await get(gateway, { "x-api-key": key });
  }
  await until(() => gateway.log.length === 3);
  assertEquals(gateway.log.map(({ client }) => client), ["alice", "bob", "alice"]);
  assert(!JSON.stringify(gateway.log).includes("key-of"));
});

Deno.test("without trusted proxies no forwarding header is trusted", async () => {
  for (const forwardedHeader of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
    await using gateway = start({ forwardedHeader });
    assertEquals(
      await taken(gateway, [
        {},
        { "x-forwarded-for": "192.0.2.1" },
        { "x-forwarded-for": "192.0.2.2, 127.0.0.1" },
        { forwarded: "for=192.0.2.3" },
        { "x-real-ip": "192.0.2.4" },
        { "cf-connecting-ip": "192.0.2.5", "true-client-ip": "192.0.2.6" },
      ]),
      [1, 2, 3, 4, 5, 6],
      forwardedHeader,
    );
  }
});

Deno.test("a trusted proxy speaks for the client, and what stands further left is hearsay", async () => {
  await using gateway = start({ trustedProxies: ["127.0.0.1", "10.0.0.0/8"] });
  const same = [
    "192.0.2.1",
    "6.6.6.6, 192.0.2.1",
    "6.6.6.7,192.0.2.1",
    "127.0.0.1, 10.0.0.1, 192.0.2.1",
    "192.0.2.1, 10.1.2.3",
    "6.6.6.6, 192.0.2.1, 10.1.2.3, 10.200.0.1",
    "garbage, 192.0.2.1",
    "192.0.2.1:4711",
    "  192.0.2.1  ,  10.0.0.1 ",
  ].map((value) => ({ "x-forwarded-for": value }));
  assertEquals(await taken(gateway, same), same.map((_, index) => index + 1));
  assertEquals(await taken(gateway, [{ "x-forwarded-for": "192.0.2.1, 192.0.2.9" }]), [1]);
});

for (const [ipv6Prefix, counts] of [[56, [1, 2, 3]], [64, [1, 2, 1]], [128, [1, 1, 1]]] as const) {
  Deno.test(`IPv6 is counted by its first ${ipv6Prefix} bits`, async () => {
    await using gateway = start({ ...TRUSTING, ipv6Prefix });
    const from = ["2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1"];
    const headers = from.map((address) => ({ "x-forwarded-for": address }));
    assertEquals(await taken(gateway, headers), [...counts]);
  });
}

Deno.test("a trusted proxy that names no client is counted itself", async () => {
  await using gateway = start(TRUSTING);
  const unnamed = ["", "unknown", "_hidden", "192.0.2.1, unknown", "1.2.3.4.5", "0x7f.1"];
  const headers = unnamed.map((value) => ({ "x-forwarded-for": value }));
  assertEquals(await taken(gateway, [...headers, {}]), [1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("only the configured header is believed", async () => {
  await using gateway = start({ ...TRUSTING, forwardedHeader: "X-Real-IP" });
  assertEquals(
    await taken(gateway, [
      { "x-real-ip": "192.0.2.1" },
      { "x-real-ip": "192.0.2.1", "x-forwarded-for": "6.6.6.6" },
      { "x-real-ip": "192.0.2.1", forwarded: "for=6.6.6.6" },
      { "x-real-ip": "192.0.2.2" },
      { "x-forwarded-for": "192.0.2.1" },
      { forwarded: "for=192.0.2.1" },
    ]),
    [1, 2, 3, 1, 1, 2],
  );
});

Deno.test("Forwarded is read as RFC 7239 writes it", async () => {
  await using gateway = start({
    trustedProxies: ["127.0.0.1", "10.0.0.0/8"],
    forwardedHeader: "forwarded",
  });
  const same = [
    "for=192.0.2.1",
    "For=192.0.2.1",
    'for="192.0.2.1"',
    'for="192.0.2.1:4711"',
    "proto=https;for=192.0.2.1;by=10.0.0.1",
    "for=6.6.6.6, for=192.0.2.1",
    "for=6.6.6.6,for=192.0.2.1, for=10.0.0.9;proto=http",
    'for="[::ffff:192.0.2.1]"',
  ].map((forwarded) => ({ forwarded }));
  assertEquals(await taken(gateway, same), same.map((_, index) => index + 1));
  const six = ['for="[2001:db8::1]"', 'for="[2001:db8::2]:4711"'];
  assertEquals(await taken(gateway, six.map((forwarded) => ({ forwarded }))), [1, 2]);
  const nobody = ["for=unknown", 'for="_hidden"', "proto=https", "for=6.6.6.6, for=unknown"];
  assertEquals(await taken(gateway, nobody.map((forwarded) => ({ forwarded }))), [1, 2, 3, 4]);
});

Deno.test("quoted text in Forwarded names no client", async () => {
  await using gateway = start({ ...TRUSTING, forwardedHeader: "forwarded" });
  // A proxy quotes the Host that the client sent.
  const forged = [
    'for=192.0.2.1;host="evil,for=6.6.6.1"',
    'for=192.0.2.1;host="evil, for=6.6.6.2"',
    'host="evil;for=6.6.6.3";for=192.0.2.1',
    'host="evil\\";for=6.6.6.4;\\"";for=192.0.2.1',
    "for=192.0.2.1",
  ].map((forwarded) => ({ forwarded }));
  assertEquals(await taken(gateway, forged), [1, 2, 3, 4, 5]);
});

Deno.test("an address is one client, however it is written", async () => {
  await using gateway = start(TRUSTING);
  const same = [
    "1.2.3.4",
    "::ffff:1.2.3.4",
    "::FFFF:1.2.3.4",
    "::ffff:102:304",
    "0:0:0:0:0:ffff:0102:0304",
    "[::ffff:1.2.3.4]:80",
  ].map((address) => ({ "x-forwarded-for": address }));
  assertEquals(await taken(gateway, same), [1, 2, 3, 4, 5, 6]);
});

Deno.test("one /64 is one client, another /64 another", async () => {
  await using gateway = start(TRUSTING);
  const addresses = [
    "2001:db8:0:1::1",
    "2001:db8:0:1:ffff:ffff:ffff:ffff",
    "2001:DB8:0:1:0:0:0:2",
    "[2001:db8::1:0:0:0:3]",
    "2001:db8:0:2::1",
    "2001:db8:0:0:1::1",
  ].map((address) => ({ "x-forwarded-for": address }));
  assertEquals(await taken(gateway, addresses), [1, 2, 3, 4, 1, 1]);
});

Deno.test("a limit by header counts by its value, and by address without one", async () => {
  await using gateway = start({
    limits: { one: { rate: "1/h", burst: BURST, by: "header:X-Tenant" } },
  });
  const as = (tenant: string) => ({ "x-tenant": tenant });
  assertEquals(
    await taken(gateway, [as("red"), as("blue"), as("red"), {}, as(""), as("red")]),
    [1, 1, 2, 1, 2, 3],
  );
});

Deno.test("a limit by all counts everybody together", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN },
    limits: { one: { rate: "1/h", burst: BURST, by: "all" } },
    ...TRUSTING,
  });
  assertEquals(
    await taken(gateway, [
      {},
      { "x-api-key": "key-of-alice" },
      { "x-api-key": "key-of-bob" },
      { "x-forwarded-for": "192.0.2.1" },
    ]),
    [1, 2, 3, 4],
  );
});

Deno.test("the first source that yields is who is counted", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN },
    limits: { one: { rate: "1/h", burst: BURST, by: ["header:x-tenant", "client"] } },
  });
  const alice = { "x-api-key": "key-of-alice" };
  const red = { "x-tenant": "red" };
  assertEquals(
    await taken(gateway, [alice, { ...alice, ...red }, red, {}, alice, {}]),
    [1, 1, 2, 1, 2, 2],
  );
});

Deno.test("by ip ignores who a client is", async () => {
  await using gateway = start({
    clients: { key: "header:x-api-key", known: KNOWN },
    limits: { one: { rate: "1/h", burst: BURST, by: "ip" } },
  });
  const shown = [{}, { "x-api-key": "key-of-alice" }, { "x-api-key": "key-of-bob" }];
  assertEquals(await taken(gateway, shown), [1, 2, 3]);
});

interface Parts extends Partial<GatewayConfig> {
  readonly clients?: ClientsConfig;
}

/** A gateway whose time stands still, with one route that has one limit. */
function start(more: Parts): TestGateway {
  return startGateway({
    upstreams: { api: { source: () => Promise.resolve(json({})) } },
    limits: { one: { rate: "1/h", burst: BURST } },
    routes: { "GET /a": { limit: "one", forward: "api" } },
    ...more,
  }, { clock: new ManualClock(), env: KEYS });
}

async function get({ url }: TestGateway, headers: HeadersInit) {
  const response = await fetch(`${url}/a`, { headers, signal: AbortSignal.timeout(5_000) });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** How many tokens each request found taken, its own included: it tells who it was counted as. */
async function taken(gateway: TestGateway, requests: readonly HeadersInit[]): Promise<number[]> {
  const counts: number[] = [];
  for (const headers of requests) {
    const response = await get(gateway, headers);
    const left = /;r=(\d+)/.exec(response.headers.get("ratelimit") ?? "")?.[1];
    counts.push(BURST - Number(left));
  }
  return counts;
}

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 5_000;
  while (!isSo()) {
    if (Date.now() > end) throw new Error("it never came so");
    await new Promise((resolve) => setTimeout(resolve));
  }
}
