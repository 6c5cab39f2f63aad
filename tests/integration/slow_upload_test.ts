import { assertEquals } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startScripted } from "../support/scripted_upstream.ts";
import { until } from "../support/program.ts";
import { problemKind, Wire } from "../support/wire.ts";

const PIECE = "x".repeat(50_000);

for (const transport of ["socket", "fetch"] as const) {
  for (const framing of ["Content-Length: 150000", "Transfer-Encoding: chunked"]) {
    Deno.test(`${transport}: a slow upload (${framing}) is not the upstream's delay`, async () => {
      await using upstream = startScripted(async (wire, _count, { body }) => {
        const text = String(body.length);
        await wire.send(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      });
      const clock = new ManualClock();
      await using gateway = startGateway({
        upstreams: { it: { url: upstream.url, timeout: "1s", transport } },
        routes: { "POST /x": { forward: "it", deadline: "60s" } },
      }, { clock });
      using client = await Wire.connect(gateway.port);
      await client.send(`POST /x HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
      const isChunked = framing.startsWith("T");
      for (let piece = 0; piece < 3; piece++) {
        await client.send(isChunked ? `${PIECE.length.toString(16)}\r\n${PIECE}\r\n` : PIECE);
        if (piece === 0) await until(() => upstream.connections === 1, "the upload is sent on");
        await clock.advance(900);
      }
      if (isChunked) await client.send("0\r\n\r\n");
      const { status, body } = await client.answer("POST");
      assertEquals([status, body], [200, "150000"]);
    });
  }

  Deno.test(`${transport}: an upload that the deadline ends is 408`, async () => {
    await using upstream = startScripted(() => Promise.resolve());
    const clock = new ManualClock();
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url, timeout: "1s", transport } },
      routes: { "POST /x": { forward: "it", deadline: "5s" } },
    }, { clock });
    using client = await Wire.connect(gateway.port);
    await client.send(`POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 150000\r\n\r\n${PIECE}`);
    await until(() => upstream.connections === 1, "the upload is sent on");
    await clock.advance(5_000);
    const answer = await client.answer("POST");
    assertEquals([answer.status, problemKind(answer)], [408, "request-timeout"]);
  });
}

for (
  const [route, config] of [
    ["forward", { forward: "it" }],
    ["aggregate", { gather: { a: { from: "it", method: "POST", path: "/", body: "{body.x}" } } }],
  ] as const
) {
  Deno.test(`a small body that the deadline ends is 408: ${route}`, async () => {
    await using upstream = startScripted(() => Promise.resolve());
    const clock = new ManualClock();
    await using gateway = startGateway({
      upstreams: { it: { url: upstream.url } },
      routes: { "POST /x": { ...config, deadline: "5s" } },
    }, { clock });
    using client = await Wire.connect(gateway.port);
    const type = "Content-Type: application/json";
    await client.send(`POST /x HTTP/1.1\r\nHost: a\r\n${type}\r\nContent-Length: 100\r\n\r\n{`);
    await until(() => clock.sleeping > 0, "the request has come");
    await clock.advance(5_000);
    const answer = await client.answer("POST");
    assertEquals([answer.status, problemKind(answer)], [408, "request-timeout"]);
    assertEquals(upstream.connections, 0);
  });
}
