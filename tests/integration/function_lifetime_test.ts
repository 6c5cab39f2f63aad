import { assertEquals } from "@std/assert";
import { defineGateway } from "../../lib/config/gateway.ts";
import { defineUpstream } from "../../lib/config/upstream.ts";
import { json } from "../../lib/mod.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";

const REASON = new Error("connect ECONNREFUSED 10.0.0.5:5432");

/** A config of one upstream that opens something as `open` does. */
function configOf(open: () => Promise<number>) {
  return defineGateway({
    upstreams: {
      own: defineUpstream({
        open,
        source: (_call, _ctx, it) => Promise.resolve(json(it)),
        timeout: "200ms",
      }),
    },
    routes: { "GET /:id": { gather: { it: { from: "own", path: "/{id}" } } } },
  });
}

Deno.test("clients that come at once share one opening", async () => {
  let opened = 0;
  await using gateway = startGateway(configOf(() => Promise.resolve(++opened)));
  const answers = await Promise.all(
    Array.from({ length: 20 }, async (_, id) => readEnvelope(await ask(`${gateway.url}/${id}`))),
  );
  for (const { data } of answers) assertEquals(data, { it: 1 });
});

Deno.test("what cannot be opened is unreachable, says nothing of why, and is tried again", async () => {
  let fails = true;
  await using gateway = startGateway(
    configOf(() => fails ? Promise.reject(REASON) : Promise.resolve(1)),
  );
  const expected = {
    status: 502,
    kind: "upstream-unreachable",
    parts: ["it"],
    hidden: ["ECONNREFUSED", "10.0.0.5"],
  } as const;
  await readProblem(await ask(`${gateway.url}/1`), expected);
  await readProblem(await ask(`${gateway.url}/1`), expected);
  assertEquals(gateway.errors, [REASON, REASON]);
  fails = false;
  assertEquals((await readEnvelope(await ask(`${gateway.url}/1`))).data, { it: 1 });
});

Deno.test("an opening counts against the attempt's timeout, and goes on for those who come later", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  let opened = 0;
  await using gateway = startGateway(configOf(() => {
    opened++;
    return promise;
  }));
  const expected = { status: 504, kind: "upstream-timeout", parts: ["it"] } as const;
  await readProblem(await ask(`${gateway.url}/1`), expected);
  resolve(7);
  assertEquals((await readEnvelope(await ask(`${gateway.url}/1`))).data, { it: 7 });
  assertEquals(opened, 1);
});
