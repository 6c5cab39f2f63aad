import { assert, assertEquals } from "@std/assert";
import { gatewayFor } from "../support/gateway.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { hang, startUpstream, type TestUpstream } from "../support/upstream.ts";

/** An upstream whose every `nth` response never comes. */
function startStalling(nth: number): TestUpstream {
  let count = 0;
  return startUpstream((request) => ++count % nth === 0 ? hang(request) : Response.json(count));
}

const ROUTES = {
  "GET /:id": { gather: { it: { from: "up", path: "/{id}" } } },
  "POST /:id": { gather: { it: { from: "up", path: "/{id}", method: "POST" } } },
  "ANY /f/*": { forward: { to: "up", strip: "/f" } },
} as const;

Deno.test("a call that stalls is made again, and the stalled one is cancelled", async () => {
  await using upstream = startStalling(2);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, hedge: { after: "30ms", share: 1 }, timeout: "20s" },
    routes: ROUTES,
  });
  assertEquals((await readEnvelope(await ask(`${gateway.url}/a`))).data, { it: 1 });
  const abandoned = upstream.abandoned();
  assertEquals((await readEnvelope(await ask(`${gateway.url}/b`))).data, { it: 3 });
  await abandoned;
  assertEquals(upstream.requests.length, 3);
});

Deno.test("when both calls stall, the response comes in time and both are cancelled", async () => {
  await using upstream = startUpstream(hang);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, hedge: { after: "20ms", share: 1 }, timeout: "100ms" },
    routes: ROUTES,
  });
  const abandoned = [upstream.abandoned(), upstream.abandoned()];
  await readProblem(await ask(`${gateway.url}/a`), { status: 504, kind: "upstream-timeout" });
  await Promise.all(abandoned);
  assertEquals(upstream.requests.length, 2);
});

Deno.test("calls of other methods are made once", async () => {
  await using upstream = startUpstream(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return Response.json(1);
  });
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, hedge: { after: "10ms", share: 1 } },
    routes: ROUTES,
  });
  const response = await ask(`${gateway.url}/a`, { method: "POST" });
  assertEquals((await readEnvelope(response)).data, { it: 1 });
  const forwarded = await ask(`${gateway.url}/f/a`);
  assertEquals(await forwarded.json(), 1);
  assertEquals(upstream.requests.length, 2);
});

Deno.test("hedges are a share of the calls, over connections that stay in use", async () => {
  await using upstream = startStalling(10);
  await using gateway = gatewayFor({
    upstream: { url: upstream.url, hedge: { after: "50ms", share: 0.25 }, timeout: "20s" },
    routes: ROUTES,
  });
  for (let index = 0; index < 100; index++) {
    await readEnvelope(await ask(`${gateway.url}/${index}`));
  }
  const calls = upstream.requests.length;
  assert(calls > 105 && calls <= 125, `${calls} calls`);
  assertEquals(upstream.active, 0);
});
