import { assert, assertEquals } from "@std/assert";
import { ask, readEnvelope } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";
import { A, gatherOf, problemsOf } from "../support/part_configs.ts";

Deno.test("hidden: a part feeds others and has no member, whole and streamed; its failure counts", async () => {
  let isDown = false;
  await using upstream = startUpstream(({ url }) => {
    const { pathname } = new URL(url);
    if (isDown && pathname === "/a") return new Response(null, { status: 500 });
    return new Response(`{"id":10.10,"path":"${pathname}"}`, {
      headers: { "content-type": "application/json" },
    });
  });
  const b = { from: "up", path: "/b/{a.id}", rename: { path: "way" } } as const;
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": { gather: { a: { from: "up", path: "/a", hidden: true }, b } },
      "GET /optional": { gather: { a: { from: "up", path: "/a", hidden: true, otherwise: 1 } } },
    },
  });
  const text = await (await ask(gateway.url)).text();
  assertEquals(text, '{"data":{"b":{"id":10.10,"way":"/b/10.10"}},"complete":true}');
  const streamed = await ask(gateway.url, { headers: { accept: "application/x-ndjson" } });
  assertEquals(
    await streamed.text(),
    '{"part":"b","data":{"id":10.10,"way":"/b/10.10"}}\n{"complete":true}\n',
  );
  isDown = true;
  const failed = await ask(gateway.url);
  assertEquals(failed.status, 502);
  await failed.body?.cancel();
  const { data, complete, problems } = await readEnvelope(await ask(`${gateway.url}/optional`));
  assertEquals([data, complete, problems?.map(({ part }) => part)], [{}, false, ["a"]]);
});

for (
  const [config, problem] of [
    [
      gatherOf({ a: { from: "up", hidden: true } }, { quorum: 1 }),
      `${A}.hidden: must not be set in a race`,
    ],
    [
      gatherOf({ a: { from: "up", rename: {}, as: "text" } }),
      `${A}.rename: must not be set together with as`,
    ],
    [
      gatherOf({ a: { from: "up", rename: { a: "c", b: "c" } } }),
      `${A}.rename: must not give two members`,
    ],
    [gatherOf({ a: { from: "up", rename: { "a..b": "c" } } }), `${A}.rename`],
    [gatherOf({ a: { from: "up", rename: { a: 1 } } }), `${A}.rename.a: must be a string`],
  ] as const
) {
  Deno.test(`hidden, rename: ${problem}`, () => {
    const text = problemsOf(config);
    assert(text.includes(problem), text);
  });
}

Deno.test("a hidden part begins no stream: a required part that then fails decides the status", async () => {
  await using upstream = startUpstream(({ url }) =>
    url.endsWith("/broken") ? new Response(null, { status: 500 }) : Response.json(1)
  );
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          first: { from: "up", hidden: true },
          broken: { from: "up", path: "/broken", needs: ["first"] },
        },
      },
    },
  });
  const response = await fetch(gateway.url, { headers: { accept: "application/x-ndjson" } });
  await response.body?.cancel();
  assertEquals(response.status, 502);
});
