import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import type { EndedRequest } from "../../lib/observe/ended_request.ts";
import type { Upstream } from "../../lib/config/upstream.ts";
import { gatewayFor, type TestConfig, type TestGatewayOptions } from "../support/gateway.ts";
import { until } from "../support/program.ts";
import { startRawUpstream, startUpstream } from "../support/upstream.ts";
import { type Closed, startEcho, TestClient } from "../support/web_socket.ts";

const LIVE = { "GET /live": { forward: { to: "up", websocket: true } } } as const;

/** A gateway before `up` that passes WebSocket connections to `/live` on. */
function gatewayWith(
  upstream: string | Upstream,
  config: Partial<TestConfig> = {},
  options?: TestGatewayOptions,
) {
  return gatewayFor({ upstream, routes: LIVE, ...config }, options);
}

async function connect(url: string, options?: ConstructorParameters<typeof TestClient>[1]) {
  const client = new TestClient(`${url}/live`, options);
  await client.open();
  return client;
}

function bytes(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 255);
}

const MESSAGES: readonly (readonly [string, string | Uint8Array])[] = [
  ["an empty text", ""],
  ["text of several bytes a character", "Grüße, 世界, 👋\u0000"],
  ...[0, 1, 125, 126, 65_535, 65_536, 1_048_576].flatMap((size) => [
    [`${size} bytes`, bytes(size)] as const,
    [`${size} characters`, "x".repeat(size)] as const,
  ]),
];

Deno.test("WebSocket: every message comes back as it does without the gateway", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url);
  const [direct, through] = [await connect(upstream.url), await connect(gateway.url)];
  for (const [what, message] of MESSAGES) {
    direct.socket.send(message);
    through.socket.send(message);
    const [expected, received] = await Promise.all([direct.next(), through.next()]);
    assertEquals(expected, message, what);
    assertEquals(received, expected, what);
  }
  for (const message of ["frag", "men", "ted"]) {
    for (const { socket } of [direct, through]) socket.send(message, { fin: message === "ted" });
  }
  assertEquals([await direct.next(), await through.next()], ["fragmented", "fragmented"]);
  for (let at = 0; at < 200; at++) through.socket.send(String(at));
  for (let at = 0; at < 200; at++) assertEquals(await through.next(), String(at));
  for (const { socket, closed } of [direct, through]) {
    socket.close();
    await closed;
  }
});

const CODES: readonly (readonly [code: number | undefined, reason: string])[] = [
  [undefined, ""],
  [1000, ""],
  [1000, "bye, 世界"],
  [1001, "leaving"],
  [1011, "failed"],
  [3000, "x".repeat(123)],
  [4999, "last"],
];

Deno.test("WebSocket: close codes and reasons pass both ways", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url);
  for (const [code, reason] of CODES) {
    const ended = { code: code ?? 1005, reason };
    const closing = await connect(gateway.url);
    closing.socket.close(code, reason);
    assertEquals(await closing.closed, ended);
    await until(() => upstream.closed.length > 0, "the upstream's side is closed");
    assertEquals(upstream.closed.splice(0), [ended]);
    if (code === undefined) continue;
    const closed = await connect(gateway.url);
    closed.socket.send(`close ${code} ${reason}`);
    assertEquals(await closed.closed, ended);
    await until(() => upstream.closed.length > 0, "the upstream's side is closed");
    assertEquals(upstream.closed.splice(0), [ended]);
  }
});

Deno.test("WebSocket: a lost connection ends the other side, too", async () => {
  let lose = () => {};
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url);
  const client = await connect(gateway.url);
  client.socket.terminate();
  await until(() => upstream.closed.length === 1, "the upstream's side is closed");
  assertEquals(upstream.closed, [{ code: 0, reason: "" }]);

  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  (async () => {
    const connection = await listener.accept();
    const relay = await Deno.connect({ port: Number(new URL(upstream.url).port) });
    lose = () => {
      connection.close();
      relay.close();
    };
    connection.readable.pipeTo(relay.writable).catch(() => {});
    relay.readable.pipeTo(connection.writable).catch(() => {});
  })();
  await using lossy = gatewayWith(`http://127.0.0.1:${listener.addr.port}`);
  const second = await connect(lossy.url);
  lose();
  assertEquals(await second.closed, {
    code: 1011,
    reason: "the connection to the upstream was lost",
  });
  listener.close();
});

Deno.test("WebSocket: the client gets the upstream's refusal, and failures as problems", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {
    routes: { "ANY /*": { forward: { to: "up", websocket: true } } },
  });
  const { status, headers, body } = await new TestClient(`${gateway.url}/refuse`).refused;
  assertEquals([status, headers.get("x-why"), body], [403, "because", "not you"]);
  const plain = await fetch(`${gateway.url}/refuse`);
  assertEquals([plain.status, await plain.text()], [403, "not you"]);

  await using unreachable = gatewayWith("http://127.0.0.1:1");
  const refused = await new TestClient(`${unreachable.url}/live`).refused;
  assertEquals(refused.status, 502);
  assertMatch(refused.body, /upstream-unreachable/);

  await using ignorant = startUpstream(() => new Response("no WebSocket here"));
  await using before = gatewayWith(ignorant.url);
  const ignored = await new TestClient(`${before.url}/live`).refused;
  assertEquals([ignored.status, ignored.body], [200, "no WebSocket here"]);

  await using silent = startUpstream(({ signal }) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(new Response())))
  );
  await using slow = gatewayWith({ url: silent.url, timeout: "100ms" });
  assertEquals((await new TestClient(`${slow.url}/live`).refused).status, 504);
});

Deno.test("WebSocket: subprotocols and headers pass as in any forward", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {
    clients: { key: "header:x-api-key", known: { app: { env: "APP_KEY" } } },
  }, { env: { APP_KEY: "app-key-of-a-client" } });
  const client = await connect(gateway.url, {
    protocols: ["chat", "superchat"],
    headers: {
      "x-api-key": "app-key-of-a-client",
      "x-forwarded-user": "root",
      "x-other": "1",
      "sec-websocket-extensions": "permessage-deflate",
    },
  });
  assertEquals(client.socket.protocol, "superchat");
  const sent = upstream.handshakes[0];
  assertEquals(sent?.get("sec-websocket-protocol"), "chat, superchat");
  assertEquals(sent?.get("x-other"), "1");
  assertEquals(sent?.get("x-forwarded-for"), "127.0.0.1");
  for (const name of ["x-api-key", "x-forwarded-user", "sec-websocket-extensions"]) {
    assertEquals(sent?.get(name), null, name);
  }
  const names = client.headers.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  assertEquals(names.filter((name) => name === "set-cookie").length, 2);
  assertEquals(names.filter((name) => name === "sec-websocket-accept").length, 1);
  assert(names.includes("x-request-id"));
  client.socket.close();
  await client.closed;
});

Deno.test("WebSocket: limits and authentication apply to the handshake", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {
    limits: { one: { rate: "1/h", burst: 1, by: "ip" } },
    routes: { "GET /live": { limit: "one", forward: { to: "up", websocket: true } } },
  });
  const client = await connect(gateway.url);
  assertEquals((await new TestClient(`${gateway.url}/live`).refused).status, 429);
  client.socket.close();
  await client.closed;
  await using closed = gatewayWith(upstream.url, {
    clients: { key: "bearer", required: true, known: {} },
  });
  assertEquals((await new TestClient(`${closed.url}/live`).refused).status, 401);
  assertEquals(upstream.requests.length, 1);
});

Deno.test("WebSocket: pages of other origins may not connect, unless the config says so", async () => {
  await using upstream = startEcho();
  const cors = { origins: ["https://app.example", "*"] };
  await using gateway = gatewayWith(upstream.url, { cors });
  await using open = gatewayWith(upstream.url, {
    routes: { "GET /live": { forward: { to: "up", websocket: { origins: ["*"] } } } },
  });
  const { host } = new URL(gateway.url);
  for (
    const [url, origin, status] of [
      [gateway.url, "https://evil.example", 403],
      [gateway.url, "null", 403],
      [gateway.url, `http://${host}`, 101],
      [gateway.url, "https://app.example", 101],
      [open.url, "https://evil.example", 101],
    ] as const
  ) {
    const client = new TestClient(`${url}/live`, { headers: { origin } });
    if (status === 403) {
      assertEquals((await client.refused).status, 403, origin);
    } else {
      await client.open();
      client.socket.close();
      await client.closed;
    }
  }
});

Deno.test("WebSocket: a message that is too large closes both sides with 1009", async () => {
  await using upstream = startEcho((socket) => socket.send("hello"));
  await using gateway = gatewayWith(upstream.url, {
    routes: { "GET /live": { forward: { to: "up", websocket: { maxMessage: "1KiB" } } } },
  });
  const client = await connect(gateway.url);
  assertEquals(await client.next(), "hello");
  client.socket.send("é".repeat(512));
  assertEquals(await client.next(), "é".repeat(512));
  client.socket.send("é".repeat(513));
  assertEquals((await client.closed).code, 1009);
  await until(() => upstream.closed.length === 1, "the upstream's side is closed");
  assertEquals(upstream.closed[0]?.code, 1009);
  const second = await connect(gateway.url);
  await until(() => upstream.sockets[1]?.readyState === WebSocket.OPEN, "it is open");
  upstream.sockets[1]?.send(new Uint8Array(1025));
  assertEquals((await second.closed).code, 1009);
});

Deno.test("WebSocket: a client that sends too many messages is closed with 1008", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {
    routes: {
      "GET /live": { forward: { to: "up", websocket: { messages: { rate: "1/h", burst: 3 } } } },
    },
  });
  for (let connection = 0; connection < 2; connection++) {
    const client = await connect(gateway.url);
    for (const text of ["1", "2", "3"]) client.socket.send(text);
    const received = [await client.next(), await client.next(), await client.next()];
    assertEquals(received, ["1", "2", "3"]);
    client.socket.send("4");
    assertEquals((await client.closed).code, 1008);
    await until(() => upstream.closed.length > connection, "the upstream's side is closed");
    assertEquals(upstream.closed[connection]?.code, 1008);
    await until(() => gateway.log.length > connection, "the connection is logged");
    assertEquals(gateway.log[connection]?.webSocket, { received: 3, sent: 3, code: 1008 });
  }
});

Deno.test("WebSocket: a slow client makes the upstream wait", async () => {
  const total = 64 * 1024 * 1024;
  await using upstream = startEcho((socket) => {
    for (let sent = 0; sent < total; sent += 65_536) socket.send(new Uint8Array(65_536));
  });
  await using gateway = gatewayWith(upstream.url);
  const client = await connect(gateway.url);
  client.socket.pause();
  const held = () => upstream.sockets[0]?.bufferedAmount ?? 0;
  await until(() => held() > 0, "the upstream sends");
  let before = 0;
  // Until nothing moves: the gateway and the system's buffers are full.
  await until(() => {
    const isStill = held() === before;
    before = held();
    return isStill;
  }, "all buffers are full");
  assert(held() > total / 2, `the upstream still has ${held()} bytes`);
  client.socket.resume();
  for (let received = 0; received < total;) received += (await client.next()).length;
  client.socket.close();
  await client.closed;
});

Deno.test("WebSocket: what waits for a slow upstream is bounded", async () => {
  await using upstream = startRawUpstream(async ({ head, send, connection }) => {
    const [, key = ""] = /^sec-websocket-key: (.*)\r$/im.exec(head) ?? [];
    const text = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", text)).toBase64();
    await send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
        `Sec-WebSocket-Accept: ${digest}\r\n\r\n`,
    );
    await stuck.promise; // and reads nothing
    connection.close();
  });
  const stuck = Promise.withResolvers<void>();
  await using gateway = gatewayWith(upstream.url, {
    routes: { "GET /live": { forward: { to: "up", websocket: { maxMessage: "64KiB" } } } },
  });
  const client = await connect(gateway.url);
  let closed: Closed | undefined;
  client.closed.then((end) => closed = end);
  let sent = 0;
  while (closed === undefined && sent < 64 * 1024 * 1024) {
    await new Promise<void>((resolve) => client.socket.send(bytes(65_536), () => resolve()));
    await delay(0);
    sent += 65_536;
  }
  assertEquals(closed, { code: 1013, reason: "the upstream reads too slowly" });
  assert(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
  stuck.resolve();
});

Deno.test("WebSocket: the log has one line at the end, and observers one request", async () => {
  const ended: EndedRequest[] = [];
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {}, {
    observers: [{ requestEnded: (request) => void ended.push(request) }],
  });
  const client = await connect(gateway.url);
  client.socket.send("one");
  await client.next();
  assertEquals(gateway.log, []);
  client.socket.close(4000, "done");
  await client.closed;
  await until(() => gateway.log.length === 1, "the connection is logged");
  const [{ status, webSocket, route } = {}] = gateway.log;
  assertEquals([status, route, webSocket], [101, "GET /live", {
    received: 1,
    sent: 1,
    code: 4000,
  }]);
  assertEquals(ended.map(({ status, calls }) => [status, calls.length]), [[101, 1]]);
});

Deno.test("WebSocket: the deadline is for the handshake alone", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url, {
    routes: {
      "GET /live": {
        deadline: "150ms",
        forward: { to: "up", websocket: { idleTimeout: "200ms" } },
      },
    },
  });
  const client = await connect(gateway.url);
  let pings = 0;
  client.socket.on("ping", () => pings++);
  // Both sides are silent, and respond to pings.
  await until(() => pings >= 4, "the gateway has pinged");
  client.socket.send("still here");
  assertEquals(await client.next(), "still here");
  client.socket.close();
  await client.closed;
});

Deno.test("WebSocket: a stop closes 1,000 connections with 1001", async () => {
  await using upstream = startEcho();
  await using gateway = gatewayWith(upstream.url);
  const clients: TestClient[] = [];
  for (let at = 0; at < 1_000; at += 50) {
    clients.push(...await Promise.all(Array.from({ length: 50 }, () => connect(gateway.url))));
  }
  gateway.shutdown.begin(1_000);
  const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
  assertEquals(codes.filter((code) => code !== 1001), []);
  await until(() => gateway.log.length === 1_000, "all are logged");
  await until(() => upstream.closed.length === 1_000, "all upstream sides are closed");
  assertEquals(upstream.closed.filter(({ code }) => code !== 1001), []);
  assertEquals((await new TestClient(`${gateway.url}/live`).refused).status, 503);
});
