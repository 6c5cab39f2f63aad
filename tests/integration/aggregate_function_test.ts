import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { Body, type Bytes, GatewayError, json, type Source } from "../../lib/mod.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { gatewayFor, startGateway } from "../support/gateway.ts";
import { settled } from "../support/manual_clock.ts";
import { until, within } from "../support/program.ts";
import { hang, startUpstream } from "../support/upstream.ts";

/** The function's part `it`, once required and once optional. */
const ROUTES: GatewayConfig["routes"] = {
  "GET /required": { deadline: "2s", gather: { it: { from: "up" } } },
  "GET /optional": { deadline: "2s", gather: { it: { from: "up", optional: true } } },
};

/** A function that never answers, and does not listen to its signal. */
const deaf: Source = () => new Promise(() => {});

Deno.test("a function gets method, path, headers and body like any upstream", async () => {
  let asked: unknown;
  await using gateway = startGateway({
    upstreams: {
      own: {
        source: async ({ method, path, headers, body }) => {
          asked = [method, path, [...headers.keys()], await body?.json(1000)];
          return json({ ok: true });
        },
      },
    },
    routes: {
      "PUT /:id": {
        gather: {
          it: {
            from: "own",
            method: "POST",
            path: "/rows/{id}",
            params: { n: 1 },
            headers: { "x-tag": "t" },
            body: { id: "{id}" },
          },
        },
      },
    },
  });
  const init = { method: "PUT", headers: { cookie: "a=b", "accept-language": "de" } };
  const { data } = await readEnvelope(await ask(`${gateway.url}/7`, init), { parts: ["it"] });
  assertEquals(data, { it: { ok: true } });
  assertEquals(asked, [
    "POST",
    "/rows/7?n=1",
    ["accept", "accept-language", "content-type", "user-agent", "via", "x-tag"],
    { id: "7" },
  ]);
});

Deno.test("a function's reply is treated like an upstream's", async () => {
  await using gateway = gatewayFor({
    upstream: () => Promise.resolve(json({ why: "none" }, 404)),
    routes: ROUTES,
  });
  await readProblem(await ask(`${gateway.url}/required`), {
    status: 404,
    kind: "upstream-refused",
  });
});

Deno.test("a GatewayError that a function throws is its part's problem", async () => {
  await using gateway = gatewayFor({
    upstream: () => {
      throw new GatewayError("upstream-unreachable", "the database is away");
    },
    routes: ROUTES,
  });
  const { problems } = await readEnvelope(await ask(`${gateway.url}/optional`));
  assertEquals(problems?.map(({ status, detail }) => [status, detail]), [
    [502, "the database is away"],
  ]);
  assertEquals(gateway.errors, []);
});

const BUG = new TypeError("cannot read 'x' of undefined at 127.0.0.1:5432");

const BUGS: Readonly<Record<string, Source>> = {
  "throws": () => {
    throw BUG;
  },
  "rejects": () => Promise.reject(BUG),
};

for (const [does, source] of Object.entries(BUGS)) {
  Deno.test(`a function that ${does} is an internal error of a required part`, async () => {
    await using gateway = gatewayFor({ upstream: source, routes: ROUTES });
    const response = await ask(`${gateway.url}/required`);
    const expected = { status: 500, kind: "internal", parts: ["it"], hidden: ["'x'"] } as const;
    const { problems } = await readProblem(response, expected);
    assertEquals(problems?.map(({ part, status }) => [part, status]), [["it", 500]]);
  });

  Deno.test(`a function that ${does} is an internal problem of an optional part`, async () => {
    await using gateway = gatewayFor({ upstream: source, routes: ROUTES });
    const response = await ask(`${gateway.url}/optional`);
    const { data, problems } = await readEnvelope(response, { parts: ["it"], hidden: ["'x'"] });
    assertEquals(data, { it: null });
    assertEquals(problems?.map(({ status, type }) => [status, type.split("/").at(-1)]), [
      [500, "internal"],
    ]);
  });
}

for (const route of ["required", "optional"]) {
  Deno.test(`the log has what a function of a part that is ${route} threw`, async () => {
    await using gateway = gatewayFor({ upstream: () => Promise.reject(BUG), routes: ROUTES });
    await (await ask(`${gateway.url}/${route}`)).body?.cancel();
    assertEquals(gateway.errors.map(rootOf), [BUG]);
  });
}

Deno.test("the log has the stack of what a function threw", async () => {
  await using gateway = gatewayFor({ upstream: () => Promise.reject(BUG), routes: ROUTES });
  await (await ask(`${gateway.url}/required`)).body?.cancel();
  const [logged] = gateway.errors;
  assertInstanceOf(logged, Error);
  assert(logged.stack?.includes(BUG.message), logged.stack);
});

Deno.test("a function that does not listen does not outlast its timeout", async () => {
  await using gateway = gatewayFor({
    upstream: { source: deaf, timeout: "100ms" },
    routes: ROUTES,
  });
  const { problems } = await readEnvelope(await ask(`${gateway.url}/optional`));
  assertEquals(problems?.map(({ status }) => status), [504]);
});

Deno.test("a function that does not listen does not outlast the deadline", async () => {
  await using gateway = startGateway({
    upstreams: { own: { source: deaf } },
    routes: { "GET /required": { deadline: "100ms", gather: { it: { from: "own" } } } },
  });
  const response = await ask(`${gateway.url}/required`);
  await readProblem(response, { status: 504, kind: "deadline-exceeded", parts: ["it"] });
});

Deno.test("a function that does not listen does not outlast a sibling's failure", async () => {
  await using gateway = startGateway({
    upstreams: { own: { source: deaf }, broken: { source: () => Promise.resolve(json(1, 500)) } },
    routes: { "GET /both": { gather: { own: { from: "own" }, broken: { from: "broken" } } } },
  });
  const expected = { status: 502, kind: "upstream-error", parts: ["broken", "own"] } as const;
  await readProblem(await ask(`${gateway.url}/both`), expected);
});

Deno.test("a function's body that never ends does not outlast its timeout", async () => {
  const body = new TransformStream<Bytes, Bytes>();
  const source: Source = () =>
    Promise.resolve({
      status: 200,
      headers: new Headers(),
      body: Body.from({ stream: body.readable }),
    });
  await using gateway = gatewayFor({
    upstream: { source: source, timeout: "100ms" },
    routes: ROUTES,
  });
  const answering = ask(`${gateway.url}/optional`);
  // A gateway that waits for the body waits no longer, so that the test ends either way.
  const ending = setTimeout(() => body.writable.close().catch(() => {}), 1_000);
  const { problems } = await readEnvelope(await answering, { parts: ["it"] });
  clearTimeout(ending);
  assertEquals(problems?.map(({ status }) => status), [504]);
});

Deno.test("a function hears why it is no longer needed", async () => {
  const reasons: unknown[] = [];
  const source: Source = (_call, { signal }) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason);
        reject(signal.reason);
      })
    );
  await using gateway = gatewayFor({
    upstream: { source: source, timeout: "100ms" },
    routes: ROUTES,
  });
  await (await ask(`${gateway.url}/required`)).body?.cancel();
  assertEquals(reasons.map(kindOf), ["upstream-timeout"]);
});

Deno.test("background work continues after the response, and shutdown waits for it", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isDone = false;
  await using gateway = gatewayFor({
    upstream: (_call, { background }) => {
      background(async (signal) => {
        await promise;
        isDone = !signal.aborted;
      });
      return Promise.resolve(json(1));
    },
    routes: ROUTES,
  });
  await readEnvelope(await ask(`${gateway.url}/required`));
  assertEquals([gateway.background.size, isDone], [1, false]);

  const drained = gateway.background.drain(new AbortController().signal);
  resolve();
  await within(drained, "the background work ends");
  assertEquals([gateway.background.size, isDone], [0, true]);
});

Deno.test("background work outlives a client that leaves", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  await using upstream = startUpstream(hang);
  await using gateway = startGateway({
    upstreams: {
      other: { url: upstream.url },
      own: {
        source: (_call, { background }) => {
          background((signal) => {
            signals.push(signal);
            return promise;
          });
          return Promise.resolve(json(1));
        },
      },
    },
    routes: { "GET /it": { gather: { own: { from: "own" }, other: { from: "other" } } } },
  });
  const client = new AbortController();
  const asking = ask(`${gateway.url}/it`, { signal: client.signal }).catch(() => {});
  await within(upstream.asked(1), "the question");
  client.abort();
  await asking;
  await until(() => gateway.log.length === 1, "the log has the request");
  await settled();
  assertEquals(gateway.background.size, 1);
  assertEquals(signals.map(({ aborted }) => aborted), [false]);
  resolve();
  await within(gateway.background.drain(new AbortController().signal), "the work ends");
});

Deno.test("background work that fails is the log's, not the client's", async () => {
  await using gateway = gatewayFor({
    upstream: (_call, { background }) => {
      background(() => Promise.reject(BUG));
      return Promise.resolve(json(1));
    },
    routes: ROUTES,
  });
  await readEnvelope(await ask(`${gateway.url}/required`));
  await gateway.background.drain(new AbortController().signal);
  assertEquals(gateway.errors, [BUG]);
});

function kindOf(reason: unknown): string | undefined {
  return reason instanceof GatewayError ? reason.kind : undefined;
}

/** What lies behind an error, whatever is wrapped around it. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootOf(error.cause) : error;
}
