import { assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { Call, Reply, Source } from "../../lib/core/source.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import { ask, askFor, chunk, problemKind, Wire } from "../support/wire.ts";

const ENCODER = new TextEncoder();

function forwardTo(source: Source, options: TestGatewayOptions = {}): TestGateway {
  return startGateway({
    upstreams: { own: { source, timeout: "1s" } },
    routes: { "ANY /v1/*": { forward: { to: "own", strip: "/v1" } } },
  }, options);
}

/** A reply whose body the test writes, and is told of when nobody wants it any more. */
class Streaming {
  readonly #cancelled = Promise.withResolvers<void>();
  readonly cancelled: Promise<void> = this.#cancelled.promise;
  #controller: ReadableStreamDefaultController<Bytes> | undefined;
  readonly reply: Reply;

  constructor(status = 200) {
    const stream = new ReadableStream<Bytes>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => this.#cancelled.resolve(),
    });
    this.reply = { status, headers: new Headers(), body: Body.from({ stream }) };
  }

  write(text: string): void {
    this.#controller?.enqueue(ENCODER.encode(text));
  }

  fail(): void {
    this.#controller?.error(new Error("broke"));
  }
}

Deno.test("a function gets the stripped path, the method, the headers and the body", async () => {
  const calls: Call[] = [];
  await using gateway = forwardTo(async (call) => {
    calls.push(call);
    return json({ body: await call.body?.json(1024) }, 201);
  });
  const answer = await ask(
    gateway.port,
    "PUT /v1/a%2Fb?c=d HTTP/1.1\r\nHost: gateway.example\r\nX-A: 1\r\nConnection: x-b\r\nX-B: 2\r\n" +
      "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n[1,2,3]",
  );
  assertEquals([answer.status, answer.body], [201, '{"body":[1,2,3]}']);
  assertEquals(answer.headers.get("content-type"), "application/json");
  assertEquals(calls.map(({ method, path }) => [method, path]), [["PUT", "/a%2Fb?c=d"]]);
  const names = ["x-a", "x-b", "x-forwarded-for", "x-forwarded-host"];
  assertEquals(names.map((name) => calls[0]?.headers.get(name)), [
    "1",
    null,
    "127.0.0.1",
    "gateway.example",
  ]);
});

Deno.test("a function's Location stays as it is", async () => {
  await using gateway = forwardTo(() => {
    const headers = new Headers({ location: "/next" });
    return Promise.resolve({ ...json(null, 302), headers });
  });
  assertEquals((await askFor(gateway.port, "/v1/x")).headers.get("location"), "/next");
});

Deno.test("a function's body is streamed, and cancelled when the client leaves", async () => {
  const streaming = new Streaming();
  await using gateway = forwardTo(() => Promise.resolve(streaming.reply));
  using client = await Wire.connect(gateway.port);
  await client.send("GET /v1/x HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
  for (const text of ["one", "two"]) {
    streaming.write(text);
    await client.until(chunk(text));
  }
  client[Symbol.dispose]();
  await within(streaming.cancelled, "the body is cancelled");
});

Deno.test("a function's body that fails leaves the client a broken one", async () => {
  const streaming = new Streaming();
  await using gateway = forwardTo(() => Promise.resolve(streaming.reply));
  using client = await Wire.connect(gateway.port);
  await client.send("GET /v1/x HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
  streaming.write("one");
  await client.until(chunk("one"));
  streaming.fail();
  assertEquals(await within(client.rest(), "the connection closes"), "");
  await until(() => gateway.log.length === 1, "the request is logged");
});

for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]] as const) {
  Deno.test(`a function's body that ${method} with ${status} has no use for is cancelled`, async () => {
    const streaming = new Streaming(status);
    await using gateway = forwardTo(() => Promise.resolve(streaming.reply));
    const request = `${method} /v1/x HTTP/1.1\r\nHost: gateway.example\r\n\r\n`;
    assertEquals((await ask(gateway.port, request)).status, status);
    await within(streaming.cancelled, "the body is cancelled", 500);
  });
}

Deno.test("an exception of a function is 500, and only in the log", async () => {
  const secret = new Error("secret of the database");
  await using gateway = forwardTo(() => Promise.reject(secret));
  const answer = await askFor(gateway.port, "/v1/x");
  assertEquals([answer.status, problemKind(answer)], [500, "internal"]);
  assertEquals(answer.body.includes("secret"), false);
  assertEquals(gateway.errors, [secret]);
});

Deno.test("a status that is none, from a function, is the gateway's own problem", async () => {
  await using gateway = forwardTo(() => Promise.resolve(json(null, 700)));
  const answer = await askFor(gateway.port, "/v1/x");
  assertEquals([answer.status, problemKind(answer)], [500, "internal"]);
});

Deno.test("a GatewayError of a function is the client's problem document", async () => {
  await using gateway = forwardTo(() =>
    Promise.reject(new GatewayError("not-found", "no such row", { headers: { "x-why": "gone" } }))
  );
  const answer = await askFor(gateway.port, "/v1/x");
  assertEquals([answer.status, problemKind(answer)], [404, "not-found"]);
  assertEquals(answer.headers.get("x-why"), "gone");
});

Deno.test("a function that takes too long is 504, and its signal aborts", async () => {
  const clock = new ManualClock();
  const { promise: asked, resolve } = Promise.withResolvers<AbortSignal>();
  await using gateway = forwardTo((_call, { signal }) => {
    resolve(signal);
    return new Promise(() => {});
  }, { clock });
  const answering = askFor(gateway.port, "/v1/x");
  const signal = await asked;
  await clock.advance(999);
  assertEquals(signal.aborted, false);
  await clock.advance(1);
  assertEquals(problemKind(await answering), "upstream-timeout");
  assertEquals(signal.aborted, true);
});

Deno.test("a function's signal aborts when the client leaves", async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>();
  await using gateway = forwardTo((_call, { signal }) => {
    signal.addEventListener("abort", () => onAbort(), { once: true });
    resolve();
    return new Promise(() => {});
  });
  using client = await Wire.connect(gateway.port);
  await client.send("GET /v1/x HTTP/1.1\r\nHost: gateway.example\r\n\r\n");
  await asked;
  client[Symbol.dispose]();
  await within(aborted, "the signal aborts");
});
