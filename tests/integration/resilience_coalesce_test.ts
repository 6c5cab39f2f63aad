import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json, type Source } from "../../lib/mod.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { until, within } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";

/**
 * A gateway whose `/it` calls an upstream that waits for a gate, and beside it a function that is
 * called each time: the count is the number of clients that have come.
 */
function play(config: Partial<GatewayConfig> = {}, status = 200) {
  const gate = Promise.withResolvers<void>();
  let came = 0;
  const counter: Source = () => Promise.resolve(json(++came));
  const paths: string[] = [];
  const upstream = startUpstream(async (request) => {
    const hit = paths.push(new URL(request.url).pathname);
    await gate.promise;
    return Response.json({ hit, x: request.headers.get("x-a") }, { status });
  });
  const gateway = startGateway({
    ...config,
    upstreams: { slow: { url: upstream.url }, counter: { source: counter } },
    routes: {
      "GET /it": {
        gather: {
          it: { from: "slow", path: "/it", headers: { "x-a": "{header.x-a}" } },
          counted: { from: "counter", path: "/", method: "POST" },
        },
      },
      "GET /plain": {
        gather: {
          it: { from: "slow", path: "/it" },
          counted: { from: "counter", path: "/", method: "POST" },
        },
      },
      "GET /twice": {
        gather: {
          a: { from: "slow", path: "/it" },
          b: { from: "slow", path: "/it" },
          c: { from: "slow", path: "/other" },
          items: { from: "slow", path: "/{item}", each: "{query.id}" },
        },
      },
      "GET /sent": {
        gather: {
          a: { from: "slow", path: "/it", method: "POST" },
          b: { from: "slow", path: "/it", method: "POST" },
        },
      },
    },
  });
  return {
    upstream,
    gateway,
    /** The paths that were requested, in order. */
    paths,
    open: gate.resolve,
    /** Resolves when that many clients have come in all. */
    came: (count: number) => until(() => came >= count, `${count} clients have come`),
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await gateway[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** Makes two concurrent requests, and returns both responses and the number of upstream calls. */
async function askTwice(one: HeadersInit, other: HeadersInit, config: Partial<GatewayConfig> = {}) {
  await using played = play(config);
  const { gateway, upstream, came, open } = played;
  const path = "x-a" in one ? "/it" : "/plain";
  const first = ask(gateway.url + path, { headers: one });
  await came(1);
  const second = ask(gateway.url + path, { headers: other });
  await came(2);
  open();
  const answers = await Promise.all(
    [first, second].map(async (asked) => (await readEnvelope(await asked)).data["it"]),
  );
  return { answers, hits: upstream.requests.length };
}

Deno.test("identical calls of one aggregate are made once", async () => {
  await using played = play();
  const { gateway, upstream, paths, open } = played;
  const answering = ask(`${gateway.url}/twice?id=it&id=other&id=third`);
  await within(upstream.asked(3), "the questions");
  open();
  const { data } = await readEnvelope(await answering);
  assertEquals(data["a"], data["b"]);
  assertEquals(data["items"], [data["a"], data["c"], { hit: 3, x: null }]);
  assertEquals(paths.toSorted(), ["/it", "/other", "/third"]);
});

Deno.test("two identical concurrent requests of a client make one call", async () => {
  const { answers, hits } = await askTwice({}, {});
  assertEquals([answers, hits], [[{ hit: 1, x: null }, { hit: 1, x: null }], 1]);
});

Deno.test("a call after the reply is a new call", async () => {
  await using played = play();
  const { gateway, upstream, open } = played;
  open();
  for (let turn = 0; turn < 3; turn++) await readEnvelope(await ask(`${gateway.url}/plain`));
  assertEquals(upstream.requests.length, 3);
});

Deno.test("all waiters get the one failure", async () => {
  await using played = play({}, 500);
  const { gateway, upstream, came, open } = played;
  const asked = [ask(`${gateway.url}/plain`), ask(`${gateway.url}/plain`)];
  await came(2);
  open();
  for (const response of await Promise.all(asked)) {
    await readProblem(response, { status: 502, kind: "upstream-error" });
  }
  assertEquals(upstream.requests.length, 1);
});

const CLIENTS = {
  key: "header:x-api-key",
  known: { ann: { env: "ANN" }, bob: { env: "BOB" } },
} as const;

Deno.test("two clients that are known never share, one alone does", async () => {
  const env: Record<string, string> = { ANN: "a".repeat(32), BOB: "b".repeat(32) };
  for (const [other, hits] of [["BOB", 2], ["ANN", 1], [undefined, 2]] as const) {
    const gate = Promise.withResolvers<void>();
    let came = 0;
    await using upstream = startUpstream(async () => {
      await gate.promise;
      return Response.json(1);
    });
    await using gateway = startGateway({
      clients: CLIENTS,
      upstreams: {
        slow: { url: upstream.url },
        counter: { source: () => Promise.resolve(json(++came)) },
      },
      routes: {
        "GET /it": {
          gather: {
            it: { from: "slow", path: "/it" },
            counted: { from: "counter", path: "/", method: "POST" },
          },
        },
      },
    }, { env });
    const asked = ["ANN", other].map((name) =>
      ask(`${gateway.url}/it`, name ? { headers: { "x-api-key": env[name] ?? "" } } : {})
    );
    await until(() => came === 2, "both have come");
    gate.resolve();
    await Promise.all(asked.map(async (response) => readEnvelope(await response)));
    assertEquals(upstream.requests.length, hits, other);
  }
});

Deno.test("clients of different addresses never share", async () => {
  const config = { trustedProxies: ["127.0.0.1/32"] };
  const from = (address: string) => ({ "x-forwarded-for": address });
  assertEquals((await askTwice(from("192.0.2.1"), from("192.0.2.2"), config)).hits, 2);
  assertEquals((await askTwice(from("192.0.2.1"), from("192.0.2.1"), config)).hits, 1);
});

Deno.test("calls whose headers differ never share, and each gets its own response", async () => {
  const { answers, hits } = await askTwice({ "x-a": "1" }, { "x-a": "2" });
  assertEquals([answers, hits], [[{ hit: 1, x: "1" }, { hit: 2, x: "2" }], 2]);
  assertEquals((await askTwice({ "x-a": "1" }, { "x-a": "1" })).hits, 1);
});

Deno.test("clients of different languages never share", async () => {
  const inLanguage = (language: string) => ({ "accept-language": language });
  assertEquals((await askTwice(inLanguage("de"), inLanguage("it"))).hits, 2);
});

Deno.test("headers that are not sent on do not keep two from sharing", async () => {
  assertEquals((await askTwice({ "x-other": "1" }, { "x-other": "2" })).hits, 1);
});

Deno.test("POST is never shared", async () => {
  await using played = play();
  const { gateway, upstream, open } = played;
  const answering = ask(`${gateway.url}/sent`);
  await within(upstream.asked(2), "both questions");
  open();
  await readEnvelope(await answering);
  assertEquals(upstream.requests.length, 2);
});

Deno.test("when the first caller leaves, the other still gets the response", async () => {
  await using played = play();
  const { gateway, upstream, came, open } = played;
  const client = new AbortController();
  const leaving = ask(`${gateway.url}/plain`, { signal: client.signal }).catch(() => "aborted");
  await came(1);
  const staying = ask(`${gateway.url}/plain`);
  await came(2);
  client.abort();
  assertEquals(await leaving, "aborted");
  await until(() => gateway.log.length > 0, "it has left");
  assertEquals(gateway.log[0]?.status, 499);
  open();
  assertEquals((await readEnvelope(await staying)).data["it"], { hit: 1, x: null });
  assertEquals(upstream.requests.length, 1);
});

Deno.test("when the last one leaves, the upstream sees its connection closed", async () => {
  await using played = play();
  const { gateway, upstream, came } = played;
  const clients = [new AbortController(), new AbortController()];
  const leaving = clients.map(({ signal }) =>
    ask(`${gateway.url}/plain`, { signal }).catch(() => "aborted")
  );
  await came(2);
  await within(upstream.asked(1), "the question");
  const abandoned = upstream.abandoned();
  clients[0]?.abort();
  await until(() => gateway.log.length === 1, "the first one has left");
  assertEquals(upstream.active, 1);
  clients[1]?.abort();
  await within(abandoned, "the connection closed");
  assertEquals(await Promise.all(leaving), ["aborted", "aborted"]);
  assertEquals(upstream.requests.length, 1);
});
