import { assert, assertEquals } from "@std/assert";
import { ask } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";
import { A, gatherOf, problemsOf } from "../support/part_configs.ts";

Deno.test("value: a part has its data without a call, and others use it", async () => {
  await using upstream = startUpstream(({ url }) =>
    new Response(`{"price":10.10,"big":9007199254740993,"path":"${new URL(url).pathname}"}`, {
      headers: { "content-type": "application/json", "cache-control": "public, max-age=60" },
    })
  );
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /orders/:id": {
        cache: {},
        gather: {
          fixed: {
            value: { kinds: ["a", 1.5, null, true], big: 9007199254740993n, text: "{{x}}" },
          },
          order: { from: "up", path: "/{id}/{fixed.kinds.0}" },
          both: { value: { id: "{id}", order: "{order}", note: "no {id}", lang: "{query.lang}" } },
          never: { value: 1, when: "has(query.x)" },
        },
      },
      "GET /alone": { gather: { it: { value: "{header.authorization}" } }, cache: { ttl: "1m" } },
    },
  });
  const response = await ask(`${gateway.url}/orders/7`);
  const order = '{"price":10.10,"big":9007199254740993,"path":"/7/a"}';
  assertEquals(
    await response.text(),
    '{"data":{"fixed":{"kinds":["a",1.5,null,true],"big":9007199254740993,"text":"{x}"},' +
      `"order":${order},"both":{"id":"7","order":${order},"note":"no 7"}},"complete":true}`,
  );
  assertEquals(response.headers.get("cache-control"), "public, max-age=60");
  assertEquals(upstream.requests.length, 1);
  const alone = await ask(`${gateway.url}/alone`, { headers: { authorization: "Bearer a" } });
  assertEquals(await alone.text(), '{"data":{"it":"Bearer a"},"complete":true}');
  assert(alone.headers.get("cache-control")?.startsWith("private"));
});

for (
  const [part, problem] of [
    [{ value: 1, from: "up" }, `${A}.from: must not be set together with value`],
    [{ value: 1, path: "/" }, `${A}.path: must not be set together with value`],
    [{ value: 1, pick: ["a"] }, `${A}.pick: must not be set together with value`],
    [{ value: { a: "{gone}" } }, `${A}: "{gone}" must be a parameter of /:id or another part`],
    [{ value: { a: "{" } }, `${A}.value: must have a "}" for each "{"`],
    [{ value: { a: "{a}" } }, `${A}: "{a}" must be a parameter`],
  ] as const
) {
  Deno.test(`value: ${problem}`, () => {
    const text = problemsOf(gatherOf({ a: part }));
    assert(text.includes(problem), text);
  });
}
