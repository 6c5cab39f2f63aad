import { assertEquals } from "@std/assert";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

/** More than the stack has room for, if each item took some of it. */
const COUNT = 20_000;

Deno.test("however many items fail, each has one problem", async () => {
  await using upstream = startUpstream(() =>
    Response.json(Array.from({ length: COUNT }, (_, id) => ({ id })))
  );
  const items = {
    from: "up",
    path: "/items/{item}",
    each: "{list}",
    max: COUNT,
    concurrency: 8,
  } as const;
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /optional": {
        gather: { list: { from: "up" }, items: { ...items, optional: true } },
      },
      "GET /required": { gather: { list: { from: "up" }, items } },
    },
  });
  const { data, problems } = await readEnvelope(await ask(`${gateway.url}/optional`));
  assertEquals(data.items, Array(COUNT).fill(null));
  assertEquals([problems?.length, problems?.at(-1)?.index], [COUNT, COUNT - 1]);
  await readProblem(await ask(`${gateway.url}/required`), { status: 502, kind: "input-invalid" });
  assertEquals(upstream.requests.length, 2);
  assertEquals(gateway.errors, []);
});
