import { assert, assertEquals } from "@std/assert";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { startUpstream } from "../support/upstream.ts";

const answer = ({ url }: Request) =>
  url.endsWith("/fail") ? new Response("", { status: 500 }) : Response.json(1);

const STRICT: readonly (readonly [prefer: string, isStrict: boolean, applied: string | null])[] = [
  ["handling=strict", true, "handling=strict"],
  ['Handling="strict"', true, "handling=strict"],
  ["respond-async, handling=strict; foo", true, "handling=strict"],
  ["handling=lenient", false, "handling=lenient"],
  ["handling=lenient, handling=strict", false, "handling=lenient"],
  ["handling=other", false, null],
  ["strict", false, null],
  [",,;=", false, null],
];
for (const [prefer, isStrict, applied] of STRICT) {
  Deno.test(`Prefer: ${prefer} ${isStrict ? "fails the whole" : "lets the rest through"}`, async () => {
    await using upstream = startUpstream(answer);
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url } },
      routes: {
        "GET /": {
          gather: { a: { from: "up" }, b: { from: "up", path: "/fail", optional: true } },
        },
        "GET /first": { first: { a: { from: "up" }, b: { from: "up", path: "/fail" } } },
      },
    });
    const response = await ask(gateway.url, { headers: { prefer } });
    assertEquals(response.headers.get("preference-applied"), applied);
    if (isStrict) await readProblem(response, { status: 502, kind: "upstream-error" });
    else assertEquals((await readEnvelope(response)).complete, false);

    const race = await ask(`${gateway.url}/first`, { headers: { prefer } });
    assertEquals([race.status, race.headers.get("preference-applied")], [200, null]);
    await race.body?.cancel();
  });
}

Deno.test("Prefer: wait makes the deadline earlier, and never later", async () => {
  await using upstream = startGatedUpstream(answer, "all");
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /long": { deadline: "10s", gather: { a: { from: "up" } } },
      "GET /short": { deadline: "50ms", gather: { a: { from: "up" } } },
      "GET /f/*": { deadline: "10s", forward: "up" },
    },
  });
  for (const path of ["/long", "/f/x"]) {
    const waited = await ask(gateway.url + path, { headers: { prefer: "wait=0" } });
    assertEquals(waited.headers.get("preference-applied"), "wait=0");
    assertEquals([waited.status, (await waited.json()).detail], [
      504,
      path === "/long"
        ? "the part a is required: no time was left for the call"
        : "no time was left for the call",
    ]);
  }
  for (const prefer of ["wait=60", "wait=-1", "wait=1.5", "wait=x", "wait"]) {
    const response = await ask(`${gateway.url}/short`, { headers: { prefer } });
    assertEquals([response.status, response.headers.get("preference-applied")], [504, null]);
    await response.body?.cancel();
  }
});

Deno.test("an upstream gets the remaining time in a header", async () => {
  const told: [path: string, ms: number][] = [];
  await using upstream = startUpstream((request) => {
    const ms = Number(request.headers.get("x-envoy-expected-rq-timeout-ms"));
    told.push([new URL(request.url).pathname, ms]);
    return answer(request);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url, timeout: "3s" } },
    routes: {
      "GET /": { gather: { a: { from: "up" }, b: { from: "up", path: "/b", timeout: "200ms" } } },
      "GET /short": { deadline: "1s", gather: { a: { from: "up" } } },
      "GET /f/*": { forward: "up" },
    },
  });
  const toldBy = async (path: string) => {
    const headers = { "x-envoy-expected-rq-timeout-ms": "99999999" };
    await (await ask(gateway.url + path, { headers })).body?.cancel();
    return told.splice(0).toSorted();
  };
  const within = (ms: unknown, most: number) =>
    assert(Number(ms) > most - 200 && Number(ms) <= most, `${ms}`);
  const [a, b] = await toldBy("/");
  within(a?.[1], 3000);
  within(b?.[1], 200);
  within((await toldBy("/short"))[0]?.[1], 1000);
  within((await toldBy("/f/x"))[0]?.[1], 3000);
});
