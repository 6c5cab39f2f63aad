import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { Body, BodyTooLarge } from "../../../lib/core/body.ts";
import { systemClock } from "../../../lib/core/clock.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Source } from "../../../lib/core/source.ts";
import { openHttpTransport } from "../../../lib/transport/http.ts";
import type { PoolOptions } from "../../../lib/transport/socket/pool.ts";
import { UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { testCall, testContext } from "../../support/context.ts";
import { countListeners } from "../../support/count_listeners.ts";
import { until, within } from "../../support/program.ts";
import { type ScriptedUpstream, startScripted } from "../../support/scripted_upstream.ts";
import { refusingUrl } from "../../support/upstream.ts";
import { Wire } from "../../support/wire.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const HEAD = "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n";

function open(url: string, options: Partial<PoolOptions> = {}): { source: Source } & Disposable {
  const transport = openHttpTransport(systemClock, options);
  const source = transport.source(url);
  return { source, [Symbol.dispose]: () => transport[Symbol.dispose]() };
}

async function text(source: Source, path = "/"): Promise<string> {
  const { body } = await source(testCall({ path }), testContext());
  return new TextDecoder().decode(await body.bytes(1_000_000));
}

async function fault(asked: Promise<unknown>): Promise<[kind: string, reason: string]> {
  const error = await assertRejects(() => asked, GatewayError);
  assertInstanceOf(error.cause, UpstreamFault);
  return [error.kind, error.cause.reason];
}

/** An upstream that reads a request's head, and then does nothing but look whether it is left. */
function startMute(sends = ""): ScriptedUpstream {
  return startScripted(async (wire) => {
    await wire.send(sends);
    await wire.skip(Infinity);
    return "close";
  });
}

// Pool.

Deno.test("socket: one connection serves calls that come one after the other", async () => {
  await using upstream = startScripted((wire) => wire.send(OK));
  using it = open(upstream.url);
  for (let call = 0; call < 5; call++) assertEquals(await text(it.source), "ok");
  assertEquals(upstream.connections, 1);
});

Deno.test("socket: a call that has ended no longer follows its signal", async () => {
  await using upstream = startScripted((wire) => wire.send(OK));
  using it = open(upstream.url);
  const { signal } = new AbortController();
  const listeners = countListeners(signal);
  const { body } = await it.source(testCall(), testContext({ signal }));
  await body.bytes(10);
  assertEquals(listeners.count, 0);
});

Deno.test("socket: sources of one origin share connections", async () => {
  await using upstream = startScripted((wire) => wire.send(OK));
  using transport = openHttpTransport(systemClock);
  await text(transport.source(`${upstream.url}/a`));
  await text(transport.source(`${upstream.url}/b`), "/x");
  assertEquals([upstream.connections, upstream.asked.map(({ path }) => path)], [1, [
    "/a/",
    "/b/x",
  ]]);
});

Deno.test("socket: the number of idle connections is limited", async () => {
  await using upstream = startScripted((wire) => wire.send(OK));
  using it = open(upstream.url, { maxIdle: 2 });
  await Promise.all(Array.from({ length: 10 }, () => text(it.source)));
  await until(() => upstream.open === 2, "the others are closed");
});

Deno.test("socket: an idle connection is closed after its time", async () => {
  await using upstream = startScripted((wire) => wire.send(OK));
  using it = open(upstream.url, { idleMs: 20 });
  await text(it.source);
  await until(() => upstream.open === 0, "the idle connection is closed");
});

Deno.test("socket: a connection that the upstream closed is not used again, for a POST either", async () => {
  await using upstream = startScripted(async (wire, count) => {
    await wire.send(OK);
    return count === 1 ? "close" : undefined;
  });
  using it = open(upstream.url);
  await text(it.source);
  await until(() => upstream.open === 0, "the upstream has closed");
  await new Promise((resolve) => setTimeout(resolve, 5));
  const reply = await it.source(testCall({ method: "POST" }), testContext());
  assertEquals([reply.status, upstream.connections], [200, 2]);
});

Deno.test("socket: what an upstream sends unasked ends its idle connection", async () => {
  const evil = Promise.withResolvers<Wire>();
  await using upstream = startScripted(async (wire, count) => {
    await wire.send(OK);
    if (count === 1) evil.resolve(wire);
  });
  using it = open(upstream.url);
  await text(it.source);
  await (await evil.promise).send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  await until(() => upstream.open === 0, "the connection is closed");
  assertEquals(await text(it.source), "ok");
});

Deno.test("socket: disposal closes all connections, and calls that come later fail", async () => {
  await using upstream = startMute();
  const it = open(upstream.url);
  const asked = fault(text(it.source));
  await until(() => upstream.asked.length === 1, "it is asked");
  it[Symbol.dispose]();
  assertEquals(await asked, ["upstream-unreachable", "closed"]);
  await until(() => upstream.open === 0, "it is closed");
});

// Abort.

const POINTS: Readonly<Record<string, { sends: string; method?: string; body?: () => Body }>> = {
  "before the head": { sends: "" },
  "within the head": { sends: "HTTP/1.1 200 OK\r\nA:" },
  "within the body": { sends: HEAD + "x" },
  "within a chunk": { sends: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nx" },
  "within a body that the end ends": { sends: "HTTP/1.1 200 OK\r\n\r\nx" },
  "while a stream is sent": {
    sends: "",
    method: "POST",
    body: () => Body.from({ stream: new ReadableStream() }),
  },
  "while many bytes are sent": {
    sends: "",
    method: "POST",
    body: () => Body.of(new Uint8Array(64 * 1024 * 1024)),
  },
};

for (const [point, { sends, method = "GET", body }] of Object.entries(POINTS)) {
  Deno.test(`socket: a call that is aborted ${point} leaves no connection`, async () => {
    await using upstream = startAccepting(sends);
    using it = open(upstream.url);
    const request = new AbortController();
    const reason = new GatewayError("cancelled", "enough");
    const call = testCall({ method, ...(body && { body: body() }) });
    const asked = it.source(call, testContext({ signal: request.signal }))
      .then(({ body }) => body.bytes(1_000_000));
    const failed = assertRejects(() => asked);
    await upstream.met;
    await new Promise((resolve) => setTimeout(resolve, 10));
    request.abort(reason);
    const error = await failed;
    assert(sends.includes("\r\n\r\n") || error === reason, String(error));
    await upstream.left;
  });
}

Deno.test("socket: a body that is cancelled closes its connection", async () => {
  await using upstream = startMute(HEAD);
  using it = open(upstream.url);
  const { body } = await it.source(testCall(), testContext());
  await body.cancel();
  await until(() => upstream.open === 0, "it is closed");
});

for (
  const [framing, sends] of [
    ["chunked", `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n`],
    ["ended by the end", "HTTP/1.1 200 OK\r\n\r\nabcabc"],
    ["of a known length", HEAD + "abcabc"],
  ] as const
) {
  Deno.test(`socket: a body ${framing} that is larger than its reader's limit closes its connection`, async () => {
    await using upstream = startMute(sends);
    using it = open(upstream.url);
    const { body } = await it.source(testCall(), testContext());
    await assertRejects(() => body.bytes(5), BodyTooLarge);
    await until(() => upstream.open === 0, "it is closed");
  });
}

Deno.test("socket: a call aborted before it began opens no connection", async () => {
  await using upstream = startMute();
  using it = open(upstream.url);
  const signal = AbortSignal.abort(new GatewayError("cancelled", "enough"));
  await assertRejects(() => it.source(testCall(), testContext({ signal })), GatewayError, "enough");
  assertEquals(upstream.connections, 0);
});

/** Takes one connection, sends, and reads only once the test wants to know whether it was left. */
function startAccepting(sends: string) {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const accepted = listener.accept();
  const met = accepted.then(async (connection) => {
    await new Wire(connection).send(sends);
  });
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    met,
    get left() {
      return accepted.then((connection) => new Wire(connection).skip(Infinity).catch(() => {}));
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      (await accepted).close();
    },
  };
}

// Requests.

const SENT: Readonly<Record<string, [call: Parameters<typeof testCall>[0], lines: string[]]>> = {
  "a GET": [{}, ["GET / HTTP/1.1", "host: HOST"]],
  "a POST without a body": [{ method: "POST" }, [
    "POST / HTTP/1.1",
    "host: HOST",
    "content-length: 0",
  ]],
  "bytes": [{ method: "POST", body: Body.of(new Uint8Array(3)) }, [
    "POST / HTTP/1.1",
    "host: HOST",
    "content-length: 3",
  ]],
  "a stream of a known length": [
    {
      method: "PUT",
      body: Body.from({ stream: ReadableStream.from([new Uint8Array(2)]), length: 2 }),
    },
    ["PUT / HTTP/1.1", "host: HOST", "content-length: 2"],
  ],
  "a stream": [
    { method: "PUT", body: Body.from({ stream: ReadableStream.from([new Uint8Array(2)]) }) },
    ["PUT / HTTP/1.1", "host: HOST", "transfer-encoding: chunked"],
  ],
  "headers that are the connection's": [
    {
      headers: new Headers({
        connection: "x",
        host: "evil",
        "content-length": "9",
        "transfer-encoding": "chunked",
        expect: "100-continue",
        "x-a": "b",
      }),
    },
    ["GET / HTTP/1.1", "host: HOST", "x-a: b"],
  ],
  "bytes beyond ASCII in a header": [{ headers: new Headers({ "x-a": "caf\xe9" }) }, [
    "GET / HTTP/1.1",
    "host: HOST",
    "x-a: caf\xe9",
  ]],
  "a path that must be encoded": [{ path: "/a b\u00e9\r\nX: y?q=<>#f" }, [
    "GET /a%20b%C3%A9X:%20y?q=%3C%3E HTTP/1.1",
    "host: HOST",
  ]],
  "a path that is encoded": [{ path: "/a%2Fb?q=%20|[]" }, [
    "GET /a%2Fb?q=%20|[] HTTP/1.1",
    "host: HOST",
  ]],
};

for (const [what, [call, lines]] of Object.entries(SENT)) {
  Deno.test(`socket: ${what} is sent as it should`, async () => {
    await using upstream = startScripted((wire) => wire.send(OK));
    using it = open(upstream.url);
    await it.source(testCall(call), testContext());
    const host = new URL(upstream.url).host;
    const expected = lines.map((line) => line.replace("HOST", host));
    assertEquals(upstream.asked[0]?.head, [...expected, "", ""].join("\r\n"));
  });
}

Deno.test("socket: a large upload arrives as it was, whatever its pieces", async () => {
  await using upstream = startScripted(async (wire, _count, { body }) => {
    const sum = [...body].reduce((sum, character) => sum + character.charCodeAt(0), 0);
    const said = `${body.length} ${sum}`;
    await wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${said.length}\r\n\r\n${said}`);
  });
  using it = open(upstream.url);
  const pieces = [1, 70_000, 0, 200_000].map((length) => new Uint8Array(length).fill(7));
  for (const length of [270_001, undefined]) {
    const body = Body.from({
      stream: ReadableStream.from(pieces),
      ...(length === undefined ? {} : { length }),
    });
    const reply = await it.source(testCall({ method: "POST", body }), testContext());
    assertEquals(new TextDecoder().decode(await reply.body.bytes(100)), `270001 ${270_001 * 7}`);
  }
  assertEquals(upstream.connections, 1);
});

Deno.test("socket: a response that comes while a body is sent is delivered, and the rest is not sent", async () => {
  let isCancelled = false;
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const serving = (async () => {
    using wire = new Wire(await listener.accept());
    await wire.until("\r\n\r\n");
    await wire.send("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nlarge");
    await wire.skip(Infinity).catch(() => {});
  })();
  using it = open(`http://127.0.0.1:${listener.addr.port}`, { idleMs: 60_000 });
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(1000)),
    cancel: () => void (isCancelled = true),
  });
  const call = testCall({ method: "POST", body: Body.from({ stream }) });
  const { status, body } = await it.source(call, testContext());
  assertEquals([status, (await body.bytes(10)).length], [413, 5]);
  await until(() => isCancelled, "the upload ends");
  await within(serving, "its connection is closed");
  listener.close();
});

for (
  const [what, stream, length] of [
    ["breaks off", new ReadableStream({ pull: (c) => c.error(new Error("gone")) }), undefined],
    ["is shorter than it said", ReadableStream.from([new Uint8Array(3)]), 9],
    ["is longer than it said", ReadableStream.from([new Uint8Array(30)]), 9],
  ] as const
) {
  Deno.test(`socket: a client's body that ${what} is the client's fault, and ends the connection`, async () => {
    await using upstream = startAccepting("");
    using it = open(upstream.url);
    const body = Body.from({ stream, ...(length === undefined ? {} : { length }) });
    const asked = it.source(testCall({ method: "POST", body }), testContext());
    assertEquals((await assertRejects(() => asked, GatewayError)).kind, "cancelled");
    await upstream.left;
  });
}

// No connection.

Deno.test("socket: the reason for a missing connection is reported", async () => {
  using it = open(refusingUrl());
  assertEquals(await fault(text(it.source)), ["upstream-unreachable", "refused"]);
});

Deno.test("socket: an upstream without TLS is reported", async () => {
  await using upstream = startAccepting("HTTP/1.1 400 Bad Request\r\n\r\n");
  using it = open(upstream.url.replace("http:", "https:"));
  assertEquals(await fault(text(it.source)), ["upstream-unreachable", "tls"]);
});

Deno.test("socket: localhost is found at either address", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using listener = Deno.listen({ port: 0, hostname });
    const serving = (async () => {
      using wire = new Wire(await listener.accept());
      await wire.until("\r\n\r\n");
      await wire.send(OK);
    })();
    using it = open(`http://localhost:${listener.addr.port}`);
    assertEquals(await text(it.source), "ok");
    await serving;
  }
});
