import { assertEquals } from "@std/assert";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { startProgram } from "../support/program.ts";
import { hang, startUpstream, type TestUpstream } from "../support/upstream.ts";
import { askFor, type WireAnswer } from "../support/wire.ts";

function startIdle(options: TestGatewayOptions = {}): TestGateway {
  return startGateway({
    upstreams: { gone: { url: "http://127.0.0.1:1" } },
    routes: { "ANY /*": { forward: "gone" } },
  }, options);
}

function told({ status, body }: WireAnswer): unknown[] {
  return [status, JSON.parse(body).status];
}

Deno.test("live and ready, when the store can be read", async () => {
  let reads = 0;
  await using gateway = startIdle({ readStore: () => Promise.resolve(++reads) });
  const live = await askFor(gateway.port, "/_gateway/health/live");
  assertEquals([...told(live), reads], [200, "live", 0]);
  const ready = await askFor(gateway.port, "/_gateway/health/ready");
  assertEquals([...told(ready), reads], [200, "ready", 1]);
  for (const { headers } of [live, ready]) assertEquals(headers.get("cache-control"), "no-store");
});

Deno.test("live but not ready, when the store cannot be read", async () => {
  await using gateway = startIdle({
    readStore: () => Promise.reject(new Error("disk of db.example is on fire")),
  });
  assertEquals(told(await askFor(gateway.port, "/_gateway/health/live")), [200, "live"]);
  const ready = await askFor(gateway.port, "/_gateway/health/ready");
  assertEquals(told(ready), [503, "not ready"]);
  assertEquals(ready.headers.get("cache-control"), "no-store");
  assertEquals(ready.body.includes("example"), false);
  assertEquals((await askFor(gateway.port, "/_gateway/health/ready")).status, 503);
  const line = "the store cannot be read: disk of db.example is on fire";
  assertEquals(gateway.errors, [line], "the log has it once");
});

Deno.test("ready again, once the store can be read again", async () => {
  let isUp = false;
  const clock = new ManualClock();
  await using gateway = startIdle({
    clock,
    readStore: () => isUp ? Promise.resolve() : Promise.reject(new Error("down")),
  });
  assertEquals((await askFor(gateway.port, "/_gateway/health/ready")).status, 503);
  isUp = true;
  await clock.advance(1_000);
  assertEquals((await askFor(gateway.port, "/_gateway/health/ready")).status, 200);
});

Deno.test("live but not ready, as soon as the gateway stops", async () => {
  await using gateway = startIdle();
  gateway.shutdown.begin(1_000);
  assertEquals(told(await askFor(gateway.port, "/_gateway/health/live")), [200, "live"]);
  const ready = await askFor(gateway.port, "/_gateway/health/ready");
  assertEquals(told(ready), [503, "not ready"]);
  assertEquals(JSON.parse(ready.body).reason, "the gateway is stopping");
});

Deno.test("not ready within a bounded time, when the store hangs", async () => {
  await using store = startHangingStore();
  await using program = await startProgram({
    config: { upstreams: { gone: { url: "http://127.0.0.1:1" } }, routes: {} },
    env: { GATEWAY_STORE: store.url, DENO_KV_ACCESS_TOKEN: "a token of some length" },
  });
  const live = await askFor(program.port, "/_gateway/health/live");
  assertEquals(told(live), [200, "live"]);
  const ready = await askFor(program.port, "/_gateway/health/ready");
  assertEquals(told(ready), [503, "not ready"]);
});

/** Speaks KV Connect so far that it is taken for a store, and then no more. */
function startHangingStore(): TestUpstream {
  return startUpstream((request) => {
    const { pathname, origin } = new URL(request.url);
    if (pathname !== "/") return hang(request);
    return Response.json({
      version: 3,
      databaseId: "a1b2c3d4-0000-4000-8000-000000000000",
      endpoints: [{ url: `${origin}/data`, consistency: "strong" }],
      token: "token",
      expiresAt: "2100-01-01T00:00:00Z",
    });
  });
}
