import { assert, assertEquals } from "@std/assert";
import { startGateway } from "../support/gateway.ts";
import { within } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

const COUNT = 300;

Deno.test("more requests than a turn begins all reach an upstream that has not responded", async () => {
  const gate = Promise.withResolvers<void>();
  await using upstream = startUpstream(async () => {
    await gate.promise;
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /:id": { gather: { a: { from: "up", path: "/{id}" } } } },
  });
  const responses = Array.from({ length: COUNT }, async (_, id) => {
    const response = await fetch(`${gateway.url}/${id}`);
    await response.body?.cancel();
    return response.status;
  });
  await within(upstream.asked(COUNT), "all calls are in flight at once");
  gate.resolve();
  assertEquals(new Set(await Promise.all(responses)), new Set([200]));
});

Deno.test("a batch with more requests than a turn begins runs them all", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /:id": { gather: { a: { from: "up", path: "/{id}" } } },
      "POST /batch": { batch: { max: COUNT, concurrency: COUNT } },
    },
  });
  const requests = Array.from({ length: COUNT }, (_, id) => ({ path: `/${id}` }));
  const response = await fetch(`${gateway.url}/batch`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ requests }),
  });
  const { responses } = await response.json();
  assertEquals(responses.length, COUNT);
  assert(responses.every(({ status }: { status: number }) => status === 200));
});
