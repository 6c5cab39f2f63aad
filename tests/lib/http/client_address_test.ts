import { assertEquals } from "@std/assert";
import { parseRange } from "../../../lib/http/address.ts";
import { type AddressTrust, clientAddress } from "../../../lib/http/client_address.ts";

const ROUNDS = 3_000;
const PROXY = "10.0.0.1";

Deno.test("X-Forwarded-For is read from the right, as far as it is trusted", () => {
  const cases: [peer: string, header: string, expected: string][] = [
    // The peer is nobody's proxy: what it says is its own.
    ["192.0.2.7", "192.0.2.1", "192.0.2.7"],
    ["192.0.2.7", "10.0.0.2", "192.0.2.7"],
    // The peer is trusted.
    [PROXY, "", PROXY],
    [PROXY, ",", PROXY],
    [PROXY, "192.0.2.1", "192.0.2.1"],
    [PROXY, "6.6.6.6, 192.0.2.1", "192.0.2.1"],
    [PROXY, "192.0.2.1, 10.0.0.2", "192.0.2.1"],
    [PROXY, "10.0.0.3, 192.0.2.1, 10.0.0.2", "192.0.2.1"],
    [PROXY, "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    [PROXY, "192.0.2.1,,", "192.0.2.1"],
    [PROXY, "192.0.2.1:80", "192.0.2.1"],
    [PROXY, "[2001:db8::1]:80", "2001:db8::1"],
    [PROXY, "[2001:db8::1]", "2001:db8::1"],
    [PROXY, "2001:db8::1", "2001:db8::1"],
    // A hop that is no address ends it: whoever wrote it is as far as can be seen.
    [PROXY, "unknown", PROXY],
    [PROXY, "192.0.2.1, unknown", PROXY],
    [PROXY, "192.0.2.1, unknown, 10.0.0.2", "10.0.0.2"],
    [PROXY, "192.0.2.1:port", PROXY],
    [PROXY, "for=192.0.2.1", PROXY],
    // A mapped proxy is the proxy.
    ["::ffff:10.0.0.1", "192.0.2.1", "192.0.2.1"],
    [PROXY, "192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"],
  ];
  for (const [peer, header, expected] of cases) {
    assertEquals(ask(peer, "x-forwarded-for", header), expected, `${peer} says "${header}"`);
  }
});

Deno.test("Forwarded is read from the right, as far as it is trusted", () => {
  const cases: [header: string, expected: string][] = [
    ["for=192.0.2.1", "192.0.2.1"],
    ["FOR=192.0.2.1", "192.0.2.1"],
    ['for="192.0.2.1:80"', "192.0.2.1"],
    ['for="[2001:db8::1]"', "2001:db8::1"],
    ['for="[2001:db8::1]:80"', "2001:db8::1"],
    ["proto=http;for=192.0.2.1;by=10.0.0.1", "192.0.2.1"],
    ["for=6.6.6.6, for=192.0.2.1", "192.0.2.1"],
    ["for=192.0.2.1, for=10.0.0.2", "192.0.2.1"],
    ["for=unknown", PROXY],
    ["for=_hidden", PROXY],
    ["for=192.0.2.1, proto=http", PROXY],
    ["xfor=192.0.2.1", PROXY],
    ["192.0.2.1", PROXY],
    ["", PROXY],
  ];
  for (const [header, expected] of cases) {
    assertEquals(ask(PROXY, "forwarded", header), expected, header);
  }
});

Deno.test("quoted text in Forwarded is text", () => {
  const cases: [header: string, expected: string][] = [
    ['for=192.0.2.1;host="a,for=6.6.6.6"', "192.0.2.1"],
    ['host="a;for=6.6.6.6";for=192.0.2.1', "192.0.2.1"],
    ['for=192.0.2.1;host="a, for=6.6.6.6, b"', "192.0.2.1"],
    ['for="192.0.2.1";host="a\\", for=6.6.6.6"', "192.0.2.1"],
  ];
  for (const [header, expected] of cases) {
    assertEquals(ask(PROXY, "forwarded", header), expected, header);
  }
});

Deno.test("without trusted proxies the peer is the client, whatever any header says", () => {
  for (const header of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
    const trust = { proxies: [], header };
    const headers = new Headers({ [header]: "192.0.2.1" });
    assertEquals(clientAddress(PROXY, headers, trust), PROXY);
  }
});

Deno.test("a header that was not named says nothing", () => {
  const headers = new Headers({ "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.7" });
  assertEquals(clientAddress(PROXY, headers, trusting("x-real-ip")), PROXY);
});

Deno.test("several lines of the header are one list", () => {
  const headers = new Headers();
  headers.append("x-forwarded-for", "6.6.6.6");
  headers.append("x-forwarded-for", "192.0.2.1");
  assertEquals(clientAddress(PROXY, headers, trusting("x-forwarded-for")), "192.0.2.1");
});

Deno.test("the client is the nearest hop that is not trusted, for any chain", () => {
  for (const { random, note } of seeded()) {
    const chain = chainOf(random);
    const peer = random() < 0.8 ? PROXY : "192.0.2.99";
    const expected = model(peer, chain);
    const named = chain.map((hop) => hop.includes(":") ? `for="[${hop}]"` : `for=${hop}`);
    assertEquals(ask(peer, "x-forwarded-for", chain.join(", ")), expected, note([peer, chain]));
    assertEquals(ask(peer, "forwarded", named.join(", ")), expected, note([peer, chain]));
  }
});

Deno.test("what a client writes itself never changes who it is", () => {
  for (const { random, note } of seeded()) {
    // The client connects to a proxy, which adds the client's address; others add their peers'.
    const honest = ["192.0.2.1", ...chainOf(random).map(() => "10.0.0.2")];
    const forged = [...chainOf(random), "6.6.6.6", "for=6.6.6.6", '"', ";;", "10.0.0.9"];
    const start = Math.floor(random() * forged.length);
    const header = [...forged.slice(start), ...honest].join(", ");
    assertEquals(ask(PROXY, "x-forwarded-for", header), "192.0.2.1", note(header));
  }
});

function ask(peer: string, header: string, value: string): string {
  return clientAddress(peer, new Headers({ [header]: value }), trusting(header));
}

function trusting(header: string): AddressTrust {
  const ranges = ["10.0.0.0/8", "fd00::/8"].map((range) => parseRange(range));
  return { proxies: ranges.filter((range) => range !== undefined), header };
}

/** The same, said plainly. */
function model(peer: string, chain: readonly string[]): string {
  const hops = [...chain, peer];
  let place = hops.length - 1;
  const isProxy = (hop: string) => /^(?:10\.|fd00:|::ffff:10\.)/.test(hop);
  const isAddress = (hop: string | undefined) => hop !== undefined && /^[\da-f.:]+$/.test(hop);
  while (isProxy(hops[place] ?? "") && isAddress(hops[place - 1])) place--;
  return hops[place] ?? peer;
}

function chainOf(random: () => number): string[] {
  const hops = ["10.0.0.2", "10.9.9.9", "fd00::1", "::ffff:10.0.0.3", "192.0.2.1", "unknown"];
  return Array.from(
    { length: Math.floor(random() * 6) },
    () => hops[Math.floor(random() * hops.length)] ?? "unknown",
  );
}

/** Rounds, each with random numbers of its own (mulberry32), and a note for when it fails. */
function* seeded() {
  const seed = Date.now() >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    let state = (seed + round) >>> 0;
    const random = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    yield { random, note: (what: unknown) => `seed ${seed + round}: ${JSON.stringify(what)}` };
  }
}
