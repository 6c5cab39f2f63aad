import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { within } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const ONE = new TextEncoder().encode("1");

/** Upstreams that respond once the gate opens, except for /free. */
function gated() {
  const gate = Promise.withResolvers<void>();
  const upstream = startUpstream(async (request) => {
    if (new URL(request.url).pathname !== "/free") await gate.promise;
    return Response.json(1);
  });
  return { upstream, open: () => gate.resolve() };
}

function start(url: string): TestGateway {
  return startGateway({
    upstreams: { up: { url } },
    overload: { maxInFlight: 4 },
    routes: {
      "GET /slow/:id": { gather: { it: { from: "up", path: "/{id}" } } },
      "GET /free": {
        gather: {
          main: { from: "up", path: "/free" },
          extra: { from: "up", path: "/free", optional: true, params: { n: 1 } },
        },
      },
      "GET /stream": { forward: "up" },
      "POST /batch": { batch: {} },
    },
  });
}

async function read(response: Response) {
  const { status, headers } = response;
  return { status, retryAfter: headers.get("retry-after"), body: await response.json() };
}

Deno.test("beyond maxInFlight optional parts are left out, then requests are refused", async () => {
  const { upstream, open } = gated();
  await using _upstream = upstream;
  await using gateway = start(upstream.url);
  const free = () => fetch(`${gateway.url}/free`).then(read);
  const ask = (id: number) => fetch(`${gateway.url}/slow/${id}`).then(read);
  const slow = [1, 2, 3].map(ask);
  await within(upstream.asked(3), "three requests are in flight");
  assertEquals((await free()).body.complete, true);

  slow.push(ask(4));
  await within(upstream.asked(3 + 2 + 1), "four requests are in flight");
  const partial = await free();
  assertEquals([partial.status, partial.body.complete], [200, false]);
  assertEquals(partial.body.data, { main: 1, extra: null });
  const [{ part, type, status }] = partial.body.problems;
  assertEquals([part, type, status], ["extra", "/_gateway/problems/overloaded", 503]);

  slow.push(ask(5));
  await within(upstream.asked(3 + 2 + 1 + 1 + 1), "five requests are in flight");
  const refused = await free();
  assertEquals([refused.status, refused.retryAfter], [503, "1"]);
  assertEquals(refused.body.type, "/_gateway/problems/overloaded");
  const strict = await fetch(`${gateway.url}/free`, { headers: { prefer: "handling=strict" } });
  assertEquals((await read(strict)).status, 503);

  for (const path of ["/_gateway/health/live", "/_gateway/health/ready", "/_gateway/buckets"]) {
    const response = await fetch(gateway.url + path, {
      headers: { "x-gateway-operator": "1" },
    });
    assertEquals(response.status, 200, path);
    await response.body?.cancel();
  }
  const batch = await fetch(`${gateway.url}/batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ requests: [{ path: "/free" }, { path: "/free" }] }),
  });
  assertEquals(batch.status, 200, "the batch itself does not count");
  const { responses } = await batch.json();
  assertEquals(responses.map(({ status }: { status: number }) => status), [503, 503]);

  assertEquals(gateway.errors.length, 2, "the log says what is shed");
  open();
  assertEquals((await Promise.all(slow)).map(({ status }) => status), [200, 200, 200, 200, 200]);
  assertEquals((await free()).status, 200);
});

Deno.test("a response counts until it has been sent", async () => {
  const end = Promise.withResolvers<void>();
  await using upstream = startUpstream((request) => {
    if (new URL(request.url).pathname !== "/stream") return Response.json(1);
    const stream = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode("first"));
        await end.promise;
        controller.close();
      },
    });
    return new Response(stream);
  });
  await using gateway = start(upstream.url);
  const streams = await Promise.all(
    Array.from({ length: 5 }, () => fetch(`${gateway.url}/stream`)),
  );
  assert(streams.every(({ status }) => status === 200));
  assertEquals((await read(await fetch(`${gateway.url}/free`))).status, 503);
  end.resolve();
  await Promise.all(streams.map((response) => response.text()));
  for (let tries = 0;; tries++) {
    const { status } = await read(await fetch(`${gateway.url}/free`));
    if (status === 200) break;
    assert(tries < 50, "streams that have ended still count");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

const CLIENTS = 100;
const EACH = 10;

/** More work for the CPU than there is time for, from clients that each send one request at a time. */
async function playBusy(overload: { maxLag?: "100ms" }) {
  const work = (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end;);
    return Promise.resolve({ status: 200, headers: new Headers(), body: Body.of(ONE) });
  };
  await using gateway = startGateway({
    upstreams: {
      main: { source: () => work(0.5) },
      extra: { source: () => work(4) },
    },
    overload,
    routes: {
      "GET /:id": {
        gather: {
          main: { from: "main", path: "/{id}" },
          extra: { from: "extra", path: "/{id}", optional: true },
        },
      },
    },
  });
  const counts = { complete: 0, partial: 0, refused: 0, other: 0 };
  const client = async (name: number) => {
    for (let id = 0; id < EACH; id++) {
      const { status, body } = await read(await fetch(`${gateway.url}/${name}.${id}`));
      if (status === 503) counts.refused++;
      else if (status !== 200) counts.other++;
      else if (body.complete) counts.complete++;
      else counts.partial++;
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, (_, name) => client(name)));
  const ms = performance.now() - startedAt;
  const result = { ...counts, ms };
  return result;
}

Deno.test("beyond maxLag optional parts are left out, so that all requests are faster", async () => {
  const without = await playBusy({});
  assertEquals(without.complete, CLIENTS * EACH);
  const limited = await playBusy({ maxLag: "100ms" });
  assertEquals(limited.other, 0);
  assert(limited.partial > 100, JSON.stringify(limited));
  assert(limited.ms < 0.8 * without.ms, `${limited.ms} ms, without the limit ${without.ms}`);
});
