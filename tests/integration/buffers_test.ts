import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import type { Source } from "../../lib/core/source.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ask } from "../support/responses.ts";
import { until, within } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { Wire } from "../support/wire.ts";

const MIB = 1024 * 1024;
/** More than the system's own buffers of a connection take, so that a client has to read. */
const LARGE = 12 * MIB;

/** A JSON string that is so long; its bytes are nobody else's. */
const large: Source = () =>
  Promise.resolve({
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(new Uint8Array(LARGE).fill(0x61).fill(0x22, 0, 1).fill(0x22, LARGE - 1)),
  });

function config(more: Partial<GatewayConfig> = {}): GatewayConfig {
  return {
    overload: { maxBuffered: "32MiB" },
    upstreams: {
      it: { source: large, maxBody: "16MiB" },
      small: { source: () => Promise.resolve(json(1)) },
    },
    routes: {
      "GET /large/:n": { gather: { a: { from: "it", path: "/{n}" } } },
      "GET /optional": { gather: { a: { from: "it", path: "/", optional: true } } },
      "ANY /forward": { forward: "it" },
      "GET /small": { gather: { a: { from: "small", path: "/" } } },
    },
    ...more,
  } as GatewayConfig;
}

/** Asks and reads the head of the answer alone. */
async function askDeaf(gateway: TestGateway, path: string, accept = "*/*"): Promise<Wire> {
  const wire = await Wire.connect(gateway.port);
  await wire.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAccept: ${accept}\r\n\r\n`);
  await within(wire.until("\r\n\r\n"), "the head has come");
  return wire;
}

async function isReleased({ buffers }: TestGateway): Promise<void> {
  await until(() => buffers.used === 0, `nothing counts any more: ${buffers.used}`);
}

for (const path of ["/large", "/forward?"]) {
  Deno.test(`${path}: what clients do not read counts, and the next request is 503 until they are gone`, async () => {
    await using gateway = startGateway(config());
    const deaf = [await askDeaf(gateway, `${path}/1`.replace("?/", "?"))];
    deaf.push(await askDeaf(gateway, `${path}/2`.replace("?/", "?")));
    assert(gateway.buffers.used >= 2 * LARGE, `it counts: ${gateway.buffers.used}`);
    const refused = await ask(`${gateway.url}/large/3`);
    const { type, detail } = await refused.json();
    assertEquals([refused.status, type], [503, "/_gateway/problems/overloaded"]);
    assertEquals(refused.headers.get("retry-after"), "1");
    assert(!detail.includes("http"), detail);
    // A part that may fail does not make do without: the whole has no room.
    const optional = await ask(`${gateway.url}/optional`);
    assertEquals([optional.status, (await optional.json()).type], [503, type]);
    const small = await ask(`${gateway.url}/small`);
    assertEquals([small.status, await small.json()], [200, { data: { a: 1 }, complete: true }]);
    for (const wire of deaf) wire[Symbol.dispose]();
    await isReleased(gateway);
    const whole = await ask(`${gateway.url}/large/4`);
    assertEquals([whole.status, (await whole.text()).length > LARGE], [200, true]);
    await isReleased(gateway);
  });
}

Deno.test("a response that is not read within sendTimeout is ended, and the log says so", async () => {
  await using gateway = startGateway(config({ sendTimeout: "200ms" }));
  using wire = await askDeaf(gateway, "/large/1");
  await isReleased(gateway);
  await until(() => gateway.log.length === 1, "the request is logged while the client stays");
  assertEquals([gateway.log[0]?.status, gateway.log[0]?.ended], [200, "send-timeout"]);
  assert(
    (await within(wire.skip(Infinity), "the response ends")) < LARGE,
    "the client sees that it is not all",
  );
});

for (const accept of ["application/x-ndjson", "text/event-stream"]) {
  Deno.test(`${accept}: records that are not read end too, and so does what they come from`, async () => {
    await using gateway = startGateway(config({ sendTimeout: "200ms" }));
    using wire = await askDeaf(gateway, "/large/1", accept);
    await isReleased(gateway);
    await until(() => gateway.log[0]?.ended === "send-timeout", "the log says so");
    assert((await within(wire.skip(Infinity), "the response ends")) < LARGE);
  });
}

Deno.test("a forward that is not read is ended, and its upstream is left", async () => {
  const left = Promise.withResolvers<void>();
  await using upstream = startUpstream(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => left.resolve(),
      }),
    )
  );
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: { "GET /it": { forward: "it" } },
    sendTimeout: "200ms",
  });
  using wire = await askDeaf(gateway, "/it");
  await within(left.promise, "the upstream is left");
  await until(() => gateway.log[0]?.ended === "send-timeout", "the log says so");
  assert((await within(wire.skip(Infinity), "the response ends")) > 0);
});

Deno.test("a slow client gets all of it, as long as it reads", async () => {
  await using gateway = startGateway(config({ sendTimeout: "1s" }));
  using wire = await askDeaf(gateway, "/large/1");
  let read = 0;
  while (read < LARGE) {
    const count = await within(wire.skip(Math.min(MIB, LARGE - read)), "more has come");
    assert(count > 0, `all of it comes, not ${read} bytes`);
    read += count;
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  await until(() => gateway.log.length === 1, "it is logged");
  assertEquals(gateway.log[0]?.ended, undefined);
});

Deno.test("what a request sends counts while it is needed, and a batch and a list as they grow", async () => {
  const buffered: number[] = [];
  const gateways: TestGateway[] = [];
  const source: Source = (call) => {
    buffered.push(gateways[0]?.buffers.used ?? 0);
    return large(call, undefined as never);
  };
  await using gateway = startGateway(config({
    upstreams: { it: { source, maxBody: "16MiB" } },
    routes: {
      "POST /sent": { gather: { a: { from: "it", path: "/{body.n}" } } },
      "POST /batch": { batch: { maxBody: "16MiB", maxTotal: "64MiB" } },
      "GET /large/:n": { gather: { a: { from: "it", path: "/{n}" } } },
      "GET /each": { gather: { a: { from: "it", path: "/{item}", each: "{query.n}" } } },
    },
  }));
  gateways.push(gateway);
  const headers = { "content-type": "application/json" };
  const sent = JSON.stringify({ n: 1, filler: "x".repeat(500_000) });
  const response = await ask(`${gateway.url}/sent`, { method: "POST", headers, body: sent });
  assertEquals([response.status, (await response.text()).length > LARGE], [200, true]);
  assert((buffered[0] ?? 0) >= sent.length, `the request's body counts: ${buffered}`);
  await isReleased(gateway);
  const list = await ask(`${gateway.url}/each?n=1&n=2&n=3`);
  assertEquals([list.status, (await list.json()).status], [503, 503]);
  await isReleased(gateway);
  const requests = [1, 2, 3, 4].map((n) => ({ path: `/large/${n}` }));
  const body = JSON.stringify({ requests });
  const batch = await ask(`${gateway.url}/batch`, { method: "POST", headers, body });
  const { responses } = await batch.json();
  const statuses = responses.map(({ status }: { status: number }) => status);
  assertEquals([batch.status, new Set(statuses)], [200, new Set([200, 503])]);
  await isReleased(gateway);
});

Deno.test("a client takes room by what it sends, and not by what it promises", async () => {
  await using gateway = startGateway(config({
    maxRequestBody: "16MiB",
    routes: { "POST /sent": { gather: { a: { from: "small", path: "/{body.n}" } } } },
  }));
  const promise = `POST /sent HTTP/1.1\r\nHost: a\r\nContent-Length: ${LARGE}\r\n\r\n`;
  const wires = await Promise.all([1, 2, 3, 4].map(() => Wire.connect(gateway.port)));
  for (const wire of wires) await wire.send(promise + "[1");
  await until(() => gateway.arrived === wires.length, "all have come");
  assert(gateway.buffers.used < MIB, `${gateway.buffers.used}`);
  for (const wire of wires) wire[Symbol.dispose]();
  await isReleased(gateway);
});
