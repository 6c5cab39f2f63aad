import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../lib/core/clock.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { gatewayFor } from "../support/gateway.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startUpstream } from "../support/upstream.ts";

const ROUTES = {
  "GET /one/:id": { gather: { it: { from: "up", path: "/{id}" } } },
  "GET /both": {
    gather: { it: { from: "up", path: "/a" }, same: { from: "up", path: "/a" } },
  },
  "ANY /f/*": { forward: { to: "up", strip: "/f" } },
} as const;

/** Three calls at once, and hardly any more. */
const RATE = { rate: "1/h", burst: 3, wait: "10ms" } as const;

Deno.test("a call beyond the rate is 503 with Retry-After, and does not reach the upstream", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, rate: RATE, retry: { attempts: 3 } },
    routes: ROUTES,
  });
  for (const path of ["/one/1", "/f/2", "/one/3"]) {
    const response = await ask(gateway.url + path);
    await response.body?.cancel();
    assertEquals(response.status, 200);
  }
  for (const path of ["/one/4", "/f/5"]) {
    const response = await ask(gateway.url + path);
    const retryAfter = Number(response.headers.get("retry-after"));
    assert(retryAfter > 3000, `${path}: ${retryAfter}`);
    assertEquals(response.status, 503);
    assertEquals((await response.json()).type, "/_gateway/problems/overloaded");
  }
  assertEquals(upstream.requests.length, 3);
});

Deno.test("processes that share a store share the rate", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  const buckets = new MemoryStore(systemClock);
  const config = { upstream: { url: upstream.url, rate: RATE }, routes: ROUTES };
  await using one = gatewayFor(config, { buckets });
  await using other = gatewayFor(config, { buckets });
  const statuses: number[] = [];
  for (let index = 0; index < 6; index++) {
    const { url } = index % 2 === 0 ? one : other;
    const response = await ask(`${url}/one/${index}`);
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [200, 200, 200, 503, 503, 503]);
  assertEquals(upstream.requests.length, 3);
});

Deno.test("cache hits and coalesced calls take no tokens, retries do", async () => {
  let isDown = false;
  await using upstream = startUpstream(() =>
    isDown ? new Response(null, { status: 503 }) : Response.json(1)
  );
  await using gateway = gatewayFor({
    upstream: {
      url: upstream.url,
      rate: RATE,
      cache: { ttl: "1h" },
      retry: { attempts: 5, backoff: "1ms" },
    },
    routes: ROUTES,
  });
  for (let index = 0; index < 5; index++) {
    assertEquals((await readEnvelope(await ask(`${gateway.url}/both`))).complete, true);
  }
  assertEquals(upstream.requests.length, 1);
  isDown = true;
  await readProblem(await ask(`${gateway.url}/one/b`), { status: 503, kind: "overloaded" });
  assertEquals(upstream.requests.length, 3);
});

Deno.test("calls wait for their turn", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, rate: { rate: "20/s", burst: 1, wait: "5s" } },
    routes: ROUTES,
  });
  const startedAt = performance.now();
  const responses = await Promise.all(
    Array.from({ length: 6 }, (_, index) => ask(`${gateway.url}/one/${index}`)),
  );
  for (const response of responses) await readEnvelope(response);
  assert(performance.now() - startedAt >= 240, "five calls waited, one after another");
});
