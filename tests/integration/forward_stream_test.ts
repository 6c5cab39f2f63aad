import { assert, assertEquals, assertLess, assertNotEquals, assertRejects } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import {
  type RawConnection,
  startRawUpstream,
  startResettingUpstream,
} from "../support/upstream.ts";
import { chunk, problemKind, Wire } from "../support/wire.ts";

const MiB = 1024 * 1024;
/** Far above what the sockets of two connections hold. */
const LARGE = 200 * MiB;
const HELD_ON_THE_WAY = 64 * MiB;
const BLOCK = new Uint8Array(256 * 1024).fill(0x2e);

function forwardTo(
  url: string,
  config: Partial<GatewayConfig> = {},
  options: TestGatewayOptions = {},
): TestGateway {
  return startGateway(
    { upstreams: { it: { url } }, ...config, routes: { "ANY /*": { forward: "it" } } },
    options,
  );
}

async function connect(gateway: TestGateway, request: string): Promise<Wire> {
  const client = await Wire.connect(gateway.port);
  await client.send(request);
  return client;
}

const GET = "GET /x HTTP/1.1\r\nHost: gateway.example\r\n\r\n";

function post(headers: string): string {
  return `POST /x HTTP/1.1\r\nHost: gateway.example\r\n${headers}\r\n`;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n";

/** An upstream with one connection, which the test plays itself. */
function startPlayed(): AsyncDisposable & { readonly url: string; readonly met: Promise<Wire> } {
  const { promise: met, resolve } = Promise.withResolvers<Wire>();
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const upstream = startRawUpstream((raw) => {
    resolve(new Wire(raw.connection, raw.head));
    return over;
  });
  return {
    url: upstream.url,
    met,
    [Symbol.asyncDispose]() {
      end();
      return upstream[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when `count` no longer changes, however often others are served meanwhile. */
async function stalled(count: () => number, gateway: TestGateway): Promise<number> {
  let seen = -1;
  for (let unchanged = 0; unchanged < 100; unchanged++) {
    await (await fetch(`${gateway.url}/_gateway/health/live`)).body?.cancel();
    if (count() !== seen) unchanged = 0;
    seen = count();
  }
  return seen;
}

/** Writes without end, as far as the other side takes it. */
class Flood {
  sent = 0;
  readonly ended: Promise<void>;

  constructor(wire: Wire, block: string | Uint8Array, total: number) {
    this.ended = this.#write(wire, block, total);
  }

  async #write(wire: Wire, block: string | Uint8Array, total: number): Promise<void> {
    try {
      for (; this.sent < total; this.sent += BLOCK.length) await wire.send(block);
    } catch {
      // The other side closed.
    }
  }
}

// One piece at a time.

for (
  const { name, head, piece } of [
    {
      name: "events",
      head: "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n",
      piece: (text: string) => chunk(`data: ${text}\n\n`),
    },
    { name: "chunks", head: "Transfer-Encoding: chunked\r\n", piece: chunk },
    { name: "pieces of a body with a length", head: "Content-Length: 10\r\n", piece: String },
    { name: "pieces of a body that ends with its connection", head: "", piece: String },
  ]
) {
  Deno.test(`${name} arrive one by one while the upstream holds the next back`, async () => {
    await using upstream = startPlayed();
    await using gateway = forwardTo(upstream.url);
    using client = await connect(gateway, GET);
    const server = await upstream.met;
    await server.send(`HTTP/1.1 200 OK\r\n${head}\r\n`);
    await client.until("\r\n\r\n");
    for (const text of ["one..", "two.."]) {
      await server.send(piece(text));
      await client.until(text);
    }
  });
}

Deno.test("the head arrives before the first byte of the body", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  const answering = fetch(`${gateway.url}/x`);
  await (await upstream.met).send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  const answer = await answering;
  assertEquals(answer.headers.get("content-length"), "3");
  await (await upstream.met).send("abc");
  assertEquals(await answer.text(), "abc");
});

for (
  const { framing, piece } of [
    { framing: CHUNKED, piece: chunk },
    { framing: "Content-Length: 200000\r\n", piece: String },
  ]
) {
  Deno.test(`a request's body is sent on while it comes (${framing.trim()})`, async () => {
    await using upstream = startPlayed();
    await using gateway = forwardTo(upstream.url);
    using client = await connect(gateway, post(framing));
    await client.send(piece("one."));
    const server = await upstream.met;
    await server.until("one.");
    await client.send(piece("two."));
    await server.until("two.");
  });
}

Deno.test("a response may begin while the request's body is still arriving", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, post(CHUNKED) + chunk("ping"));
  const server = await upstream.met;
  await server.until("ping");
  await server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("pong"));
  await client.until("pong");
  await client.send(chunk("again") + "0\r\n\r\n");
  await server.until("again");
  await server.until("0\r\n\r\n");
  await server.send("0\r\n\r\n");
  await client.until("0\r\n\r\n");
});

// Backpressure.

for (
  const { framing, block } of [
    { framing: `Content-Length: ${LARGE}\r\n`, block: BLOCK },
    { framing: CHUNKED, block: chunk(".".repeat(BLOCK.length)) },
  ]
) {
  Deno.test(`a client that does not read stops the upstream (${framing.trim()})`, async () => {
    await using upstream = startPlayed();
    await using gateway = forwardTo(upstream.url);
    using client = await connect(gateway, GET);
    const server = await upstream.met;
    await server.send(`HTTP/1.1 200 OK\r\n${framing}\r\n`);
    await client.until("\r\n\r\n");
    const flood = new Flood(server, block, LARGE);
    assertLess(await stalled(() => flood.sent, gateway), HELD_ON_THE_WAY);

    const goOn = flood.sent + 32 * MiB;
    await within(client.skip(goOn), "the upstream goes on once the client reads");
    client[Symbol.dispose]();
    await within(flood.ended, "the upstream is cut off when the client leaves");
    assertLess(flood.sent, LARGE);
  });

  Deno.test(`an upstream that does not read stops the client (${framing.trim()})`, async () => {
    await using upstream = startPlayed();
    await using gateway = forwardTo(upstream.url, { maxRequestBody: "1GiB" });
    using client = await connect(gateway, post(framing));
    const flood = new Flood(client, block, LARGE);
    const server = await upstream.met;
    assertLess(await stalled(() => flood.sent, gateway), HELD_ON_THE_WAY);

    await within(server.skip(flood.sent + 32 * MiB), "the client goes on once the upstream reads");
    server[Symbol.dispose]();
    await within(client.answer(), "the client is told");
    client[Symbol.dispose]();
    await flood.ended;
    assertLess(flood.sent, LARGE);
  });
}

// Time.

Deno.test("after the head neither the timeout nor the deadline ends the body", async () => {
  const clock = new ManualClock();
  await using upstream = startPlayed();
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, timeout: "1s" } },
    routes: { "ANY /*": { forward: "it", deadline: "2s" } },
  }, { clock });
  using client = await connect(gateway, GET);
  const server = await upstream.met;
  await server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.until("\r\n\r\n");
  assertEquals(clock.sleeping, 1); // what looks whether the client reads
  await clock.advance(3_600_000);
  await server.send(chunk("late") + "0\r\n\r\n");
  assertEquals(await client.chunks(), "late");
  await until(() => gateway.log.length === 1, "the request is logged");
  assertEquals(gateway.log[0]?.status, 200);
  assertEquals(gateway.log[0]?.durationMs, 3_600_000);
});

Deno.test("an upload that does not end before the deadline is 408, and the upstream is left", async () => {
  const clock = new ManualClock();
  await using upstream = startPlayed();
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, timeout: "9s" } },
    routes: { "ANY /*": { forward: "it", deadline: "2s" } },
  }, { clock });
  using client = await connect(gateway, post(CHUNKED) + chunk("half"));
  const server = await upstream.met;
  await server.until("half");
  await clock.advance(2_000);
  assertEquals(problemKind(await client.answer()), "request-timeout");
  assertEquals((await server.rest()).includes("0\r\n\r\n"), false);
});

Deno.test("a small body that does not arrive within the deadline is 408, without a call", async () => {
  const clock = new ManualClock();
  await using upstream = startRawUpstream((raw) => raw.closed());
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "ANY /*": { forward: "it", deadline: "2s" } },
  }, { clock });
  using client = await connect(gateway, post("Content-Length: 10\r\n") + "half");
  await until(() => clock.sleeping > 0, "the gateway waits");
  await clock.advance(2_000);
  assertEquals(problemKind(await client.answer()), "request-timeout");
  assertEquals(upstream.connections, 0);
});

Deno.test("a body that does not begin within the deadline is 408, without a call", async () => {
  const clock = new ManualClock();
  await using upstream = startRawUpstream((raw) => raw.closed());
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url, timeout: "9s" } },
    routes: { "ANY /*": { forward: "it", deadline: "2s" } },
  }, { clock });
  using client = await connect(gateway, post(CHUNKED));
  await until(() => clock.sleeping > 0, "the gateway waits");
  await clock.advance(2_000);
  assertEquals(problemKind(await client.answer()), "request-timeout");
});

// Somebody leaves.

Deno.test("when the client leaves before the head, the upstream is left", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, GET);
  const server = await upstream.met;
  client[Symbol.dispose]();
  await within(server.rest(), "the upstream's connection closes");
  await until(() => gateway.log.length === 1, "the request is logged");
  assertEquals(gateway.log[0]?.problem, "cancelled");
  assertEquals(gateway.errors, []);
});

Deno.test("when the client leaves within the body, the upstream is left", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, GET);
  const server = await upstream.met;
  await server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
  await client.until("one");
  client[Symbol.dispose]();
  await within(server.rest(), "the upstream's connection closes");
  await until(() => gateway.log.length === 1, "the request is logged");
  assertEquals(gateway.errors, []);
});

Deno.test("when the client leaves within its own body, the upstream sees it broken", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, post(CHUNKED) + chunk("half"));
  const server = await upstream.met;
  await server.until("half\r\n");
  client[Symbol.dispose]();
  assertEquals(await within(server.rest(), "the upstream's connection closes"), "");
});

for (const begin of ["", "3\r\nab"]) {
  const name = JSON.stringify(begin);
  Deno.test(`a chunked body that breaks off after ${name} is no fault of the gateway`, async () => {
    await using upstream = startRawUpstream((raw) => raw.closed());
    await using gateway = forwardTo(upstream.url);
    using client = await connect(gateway, post(CHUNKED) + begin);
    await client.connection.closeWrite();
    await client.rest();
    await until(() => gateway.log.length === 1, "the request is logged");
    assertNotEquals(gateway.log[0]?.problem, "internal");
    assertEquals(gateway.errors, []);
  });
}

Deno.test("when the client sends no chunk where one must be, the upstream sees a broken body", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, post(CHUNKED) + chunk("half"));
  const server = await upstream.met;
  await server.until("half\r\n");
  await client.send("zz\r\n");
  assertEquals(await within(server.rest(), "the upstream's connection closes"), "");
  await client.rest();
  await until(() => gateway.log.length === 1, "the request is logged");
  assertNotEquals(gateway.log[0]?.problem, "internal");
  assertEquals(gateway.errors, []);
});

Deno.test("a small body that breaks off reaches no upstream", async () => {
  await using upstream = startRawUpstream((raw) => raw.closed());
  await using gateway = forwardTo(upstream.url);
  using client = await connect(gateway, post("Content-Length: 10\r\n") + "half");
  await client.connection.closeWrite();
  await client.rest();
  await until(() => gateway.log.length === 1, "the request is logged");
  assertEquals(upstream.connections, 0);
  assertEquals(gateway.errors, []);
});

for (
  const { how, begin } of [
    { how: "with a length", begin: "Content-Length: 100\r\n\r\nabc" },
    { how: "in chunks", begin: `${CHUNKED}\r\n${chunk("abc")}` },
    { how: "in a half chunk", begin: `${CHUNKED}\r\n9\r\nabc` },
  ]
) {
  Deno.test(`an upstream that closes within a body ${how} leaves the client a broken one`, async () => {
    await using upstream = startRawUpstream((raw) => raw.send(`HTTP/1.1 200 OK\r\n${begin}`));
    await expectBroken(upstream.url);
  });

  Deno.test(`an upstream that resets within a body ${how} leaves the client a broken one`, async () => {
    await using upstream = await startResettingUpstream(`HTTP/1.1 200 OK\r\n${begin}`);
    await expectBroken(upstream.url);
  });
}

Deno.test("a body that ends with its connection is broken by a reset", async () => {
  await using upstream = await startResettingUpstream("HTTP/1.1 200 OK\r\n\r\nabc");
  await expectBroken(upstream.url);
});

/** The client must be able to tell that what it has is not all. */
async function expectBroken(url: string): Promise<void> {
  await using gateway = forwardTo(url);
  const response = await fetch(`${gateway.url}/x`).catch(() => undefined);
  // A reset may overtake the head; then it is the gateway's own answer.
  if (response?.status === 502) return void await response.body?.cancel();
  assert(response);
  await assertRejects(() => response.text());

  using client = await connect(gateway, GET);
  const text = await within(client.rest(), "the client's connection closes");
  assertEquals(text.includes("0\r\n\r\n"), false, text);
}

// Too much.

Deno.test("a body whose Content-Length is too large is 413, without a call", async () => {
  await using upstream = startRawUpstream((raw) => raw.closed());
  await using gateway = forwardTo(upstream.url, { maxRequestBody: "1KiB" });
  using client = await connect(gateway, post("Content-Length: 1025\r\n"));
  const answer = await client.answer();
  assertEquals([answer.status, problemKind(answer)], [413, "payload-too-large"]);
  assertEquals(upstream.connections, 0);
});

for (
  const [name, framing, body] of [
    ["with a length", "Content-Length: 1024\r\n", "a".repeat(1024)],
    ["in chunks", CHUNKED, chunk("a".repeat(1000)) + chunk("a".repeat(24)) + "0\r\n\r\n"],
  ]
) {
  Deno.test(`a body of just maxRequestBody ${name} passes`, async () => {
    await using upstream = startRawUpstream(async (raw: RawConnection) => {
      const wire = new Wire(raw.connection, raw.head);
      const head = await wire.until("\r\n\r\n");
      const got = head.includes("chunked") ? await wire.chunks() : await wire.take(1024);
      await raw.send(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${got.length}`);
    });
    await using gateway = forwardTo(upstream.url, { maxRequestBody: "1KiB" });
    using client = await connect(gateway, post(framing ?? "") + body);
    assertEquals((await client.answer()).body, "1024");
  });
}

Deno.test("a chunked body that grows too large is 413, and the upstream is left", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url, { maxRequestBody: "1KiB" });
  using client = await connect(gateway, post(CHUNKED) + chunk("a".repeat(1000)));
  const server = await upstream.met;
  await server.until("a".repeat(1000));
  await client.send(chunk("b".repeat(25)));
  const answer = await client.answer();
  assertEquals([answer.status, problemKind(answer)], [413, "payload-too-large"]);
  const rest = await within(server.rest(), "the upstream's connection closes");
  assertEquals([rest.includes("b"), rest.includes("0\r\n\r\n")], [false, false]);
  assertEquals(gateway.errors, []);
});

Deno.test("a body that exceeds the limit after the response began ends the exchange", async () => {
  await using upstream = startPlayed();
  await using gateway = forwardTo(upstream.url, { maxRequestBody: "1KiB" });
  using client = await connect(gateway, post(CHUNKED) + chunk("a"));
  const server = await upstream.met;
  await server.until(chunk("a"));
  await server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk("one"));
  await client.until("one\r\n");
  await client.send(chunk("b".repeat(1025)));
  const rest = await within(server.rest(), "the upstream's connection closes");
  assertEquals([rest.includes("b"), rest.includes("0\r\n\r\n")], [false, false]);
  const end = await within(client.rest(), "the client's connection closes");
  assertEquals(end.includes("0\r\n\r\n"), false);
  assertEquals(gateway.errors, []);
});
