import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import worker from "../../examples/worker/gateway.config.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { hang, startUpstream } from "../support/upstream.ts";

// deno-lint-ignore no-explicit-any -- a document whose members each test names
type Document = any;

async function rehearse(
  gateway: TestGateway,
  body: unknown,
  signal?: AbortSignal,
): Promise<{ status: number; document: Document }> {
  const response = await fetch(`${gateway.url}/_gateway/rehearse`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
  return { status: response.status, document: await response.json() };
}

/** A home page of a profile and optional orders, over one upstream each. */
function home(url: string, more: Partial<GatewayConfig> = {}): GatewayConfig {
  return {
    upstreams: {
      users: { url, timeout: "2s" },
      orders: {
        url,
        timeout: "150ms",
        retry: { attempts: 2, backoff: "1ms" },
        breaker: { openFor: "1h" },
      },
    },
    routes: {
      "GET /home/:id": {
        gather: {
          profile: { from: "users", path: "/users/{id}" },
          orders: { from: "orders", path: "/orders/{id}", optional: true },
        },
      },
      "GET /orders/:id": { gather: { list: { from: "orders", path: "/orders/{id}" } } },
      "GET /home/new": { gather: { profile: { from: "users" } } },
      "ANY /raw/*": { forward: "orders" },
    },
    ...more,
  };
}

const ASKED = { route: "GET /home/:id", request: { params: { id: "7" } } };

const FAULTS: readonly {
  readonly fault: unknown;
  readonly problem: string;
  readonly status: number;
  readonly attempt: Record<string, unknown>;
}[] = [
  {
    fault: "timeout",
    problem: "upstream-timeout",
    status: 504,
    attempt: { fault: "timeout", problem: "upstream-timeout" },
  },
  {
    fault: "unreachable",
    problem: "upstream-unreachable",
    status: 502,
    attempt: { fault: "unreachable", problem: "upstream-unreachable", cause: "refused: rehearsed" },
  },
  {
    fault: "invalid",
    problem: "upstream-invalid",
    status: 502,
    attempt: { fault: "invalid", problem: "upstream-invalid", cause: "malformed: rehearsed" },
  },
  {
    fault: { status: 503 },
    problem: "upstream-error",
    status: 502,
    attempt: { fault: "status 503", status: 503 },
  },
  {
    fault: { delay: "10s" },
    problem: "upstream-timeout",
    status: 504,
    attempt: { fault: "delay 10s", problem: "upstream-timeout" },
  },
];

for (const { fault, problem, status, attempt } of FAULTS) {
  Deno.test(`rehearse: ${JSON.stringify(fault)} of an optional part and of a required one`, async () => {
    await using upstream = startUpstream((request) =>
      Response.json({ path: new URL(request.url).pathname })
    );
    await using gateway = startGateway(home(upstream.url));
    const { document } = await rehearse(gateway, { ...ASKED, faults: { orders: fault } });
    const { response, parts: [profile, orders] } = document;
    assertEquals(response.status, 200);
    assertEquals(response.headers["gateway-complete"], "?0");
    const { data, complete, problems } = response.body;
    assertEquals([data, complete], [{ profile: { path: "/users/7" }, orders: null }, false]);
    assertEquals(
      [problems[0].part, problems[0].status, problems[0].type],
      ["orders", status, `/_gateway/problems/${problem}`],
    );
    assertEquals([profile.outcome, profile.attempts.length], ["succeeded", 1]);
    assertEquals(profile.attempts[0].status, 200);
    assertEquals([orders.outcome, orders.problem, orders.upstream], ["failed", problem, "orders"]);
    assertEquals(orders.attempts.map(({ attempt }: Document) => attempt), [1, 2], "as really");
    for (const { attempt: _n, atMs: _at, durationMs: _ms, ...facts } of orders.attempts) {
      assertEquals(facts, attempt);
    }
    const required = await rehearse(gateway, {
      route: "GET /orders/7",
      request: { path: "/orders/7" },
      faults: { list: fault },
    });
    assertEquals(required.document.response.status, status);
    assertEquals(upstream.requests.length, 1, "the faulty calls reach no upstream");
  });
}

Deno.test("rehearse: a fault that the route survives, and none at all", async () => {
  await using upstream = startUpstream(() => Response.json(1));
  await using gateway = startGateway(home(upstream.url));
  const faults = { orders: { delay: "20ms" } };
  const delayed = (await rehearse(gateway, { ...ASKED, faults })).document;
  assertEquals(delayed.response.body, { data: { profile: 1, orders: 1 }, complete: true });
  const [, { attempts: [attempt] }] = delayed.parts;
  assertEquals([attempt.fault, attempt.status], ["delay 20ms", 200]);
  assert(attempt.durationMs >= 19, String(attempt.durationMs));
  const plain = (await rehearse(gateway, ASKED)).document;
  assertEquals(plain.parts[1].attempts[0].fault, undefined);
});

Deno.test("rehearse: what was cancelled, and what was never called, is told apart", async () => {
  await using upstream = startUpstream((request) =>
    new URL(request.url).pathname === "/slow" ? hang(request) : Response.json({ id: 1 })
  );
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /": {
        gather: {
          first: { from: "up" },
          slow: { from: "up", path: "/slow" },
          later: { from: "up", path: "/{first.id}" },
        },
      },
    },
  });
  const asked = { route: "GET /", faults: { first: { status: 500 } } };
  const { document: { response, parts } } = await rehearse(gateway, asked);
  assertEquals(response.status, 502);
  assertEquals(parts.map(({ part, outcome }: Document) => [part, outcome]), [
    ["first", "failed"],
    ["slow", "cancelled"],
    ["later", "not called"],
  ]);
  assertEquals([parts[2].problem, parts[2].attempts], ["input-failed", []]);
});

Deno.test("rehearse: nothing of it reaches breakers, limits, caches, shared calls or the log", async () => {
  let version = 1;
  const observed: string[] = [];
  await using upstream = startUpstream(() => Response.json(version));
  const { upstreams, routes } = home(upstream.url);
  await using gateway = startGateway({
    upstreams: {
      ...upstreams,
      orders: {
        url: upstream.url,
        breaker: { openFor: "1h", minCalls: 4 },
        retry: {},
        cache: { ttl: "1h" },
      },
    },
    limits: { it: { rate: "1/h", burst: 2, by: "all" } },
    routes: { ...routes, "GET /limited": { limit: "it", gather: { list: { from: "orders" } } } },
  }, { observers: [{ callEnded: ({ upstream }) => observed.push(upstream) }] });
  const get = async () => {
    const response = await fetch(`${gateway.url}/limited`);
    return [response.status, response.headers.get("ratelimit"), (await response.json()).data];
  };
  const asked = { route: "GET /limited" };
  for (const fault of ["unreachable", { status: 500 }, "invalid", undefined]) {
    for (let count = 0; count < 3; count++) {
      const faults = fault === undefined ? {} : { orders: fault };
      const { document } = await rehearse(gateway, { ...asked, faults });
      assertEquals(document.response.status, fault === undefined ? 200 : 502);
      assertEquals(document.response.headers.ratelimit, '"it";r=1;t=3600', "its bucket is full");
    }
  }
  version = 2;
  assertEquals(await get(), [200, '"it";r=1;t=3600', { list: 2 }], "none was stored");
  const { upstreams: shown } = await (await fetch(`${gateway.url}/_gateway/upstreams`)).json();
  const { breaker } = shown.find(({ name }: Document) => name === "orders");
  assertEquals([breaker.state, breaker.failed], ["closed", 0]);
  const { document } = await rehearse(gateway, { ...asked, faults: { orders: "unreachable" } });
  assertEquals(document.response.status, 502, "nor is what clients stored used");
  assertEquals(await get(), [200, '"it";r=0;t=3600', { list: 2 }], "a hit");
  const paths = new Set(gateway.log.map(({ path }) => path));
  assertEquals(paths, new Set(["/_gateway/rehearse", "/_gateway/upstreams", "/limited"]));
  assertEquals(gateway.log.filter(({ path }) => path === "/limited").length, 2);
  assertEquals([gateway.faults, observed], [[], ["orders"]]);
});

Deno.test("rehearse: unsafe calls are made only where the operator wants them", async () => {
  const seen: string[] = [];
  await using upstream = startUpstream(async (request) => {
    seen.push(`${request.method} ${await request.text()}`);
    return Response.json(1);
  });
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /a": { gather: { it: { from: "up", method: "POST", body: { a: 1 } } } },
      "POST /b": { gather: { it: { from: "up", method: "PUT", body: "{body.b}" } } },
      "ANY /c/*": { forward: "up" },
    },
  });
  const asked: [body: Record<string, unknown>, unsafe: string][] = [
    [{ route: "GET /a" }, "POST of it"],
    [{ route: "POST /b", request: { body: { b: [2] } } }, "POST of the request, PUT of it"],
    [
      { route: "ANY /c/*", request: { path: "/c/x", method: "PATCH", body: "text" } },
      "PATCH of the request",
    ],
  ];
  for (const [body, unsafe] of asked) {
    const refused = await rehearse(gateway, body);
    assertEquals(refused.status, 400);
    assert(refused.document.detail.includes(`: ${unsafe}; add "allowUnsafe": true`), unsafe);
  }
  assertEquals(seen, []);
  for (const [body] of asked) {
    assertEquals((await rehearse(gateway, { ...body, allowUnsafe: true })).status, 200);
  }
  assertEquals(seen, ['POST {"a":1}', "PUT [2]", 'PATCH "text"']);
});

Deno.test("rehearse: a request has its own query, headers and client's key", async () => {
  await using gateway = startGateway({
    upstreams: {
      it: {
        source: ({ path, headers }, { client }) =>
          Promise.resolve(json([path, headers.get("x-a"), client.name ?? null])),
      },
    },
    clients: { key: "header:x-api-key", known: { mobile: { env: "KEY" } }, required: true },
    routes: {
      "GET /q/:id": {
        gather: {
          it: { from: "it", path: "/{id}", params: "{query}", headers: { "x-a": "{header.x-a}" } },
        },
      },
    },
  }, { env: { KEY: "the key" } });
  const request = { params: { id: "a/b" }, query: { x: [1, "2 3"] }, headers: { "x-a": "y" } };
  const route = "GET /q/:id";
  const { document: unknown } = await rehearse(gateway, { route, request });
  assertEquals(unknown.response.body.data.it, ["/a%2Fb?x=1&x=2+3", "y", null]);
  const headers = { ...request.headers, "x-api-key": "the key" };
  const { document: known } = await rehearse(gateway, { route, request: { ...request, headers } });
  assertEquals(known.response.body.data.it[2], "mobile");
});

Deno.test("rehearse: credentials count as they do, and a request without any is let in", async () => {
  await using gateway = startGateway({
    upstreams: {
      it: { source: (_call, { client }) => Promise.resolve(json(client.name ?? null)) },
    },
    auth: { ours: { key: "header:x-key", known: { ann: { env: "ANN" } } } },
    routes: { "GET /": { auth: "ours", gather: { it: { from: "it" } } } },
  }, { env: { ANN: "the key of ann" } });
  const responseTo = async (headers: Record<string, string>) => {
    const { document } = await rehearse(gateway, { route: "GET /", request: { headers } });
    return [document.response.status, document.response.body.data?.it];
  };
  assertEquals(await responseTo({}), [200, null]);
  assertEquals(await responseTo({ "x-key": "the key of ann" }), [200, "ann"]);
  assertEquals(await responseTo({ "x-key": "wrong" }), [401, undefined]);
  const real = await fetch(gateway.url);
  assertEquals(real.status, 401);
  await real.body?.cancel();
});

Deno.test("rehearse: a forward, a stream of records and a long response", async () => {
  const long = "x".repeat(3 * 1024 * 1024);
  await using upstream = startUpstream((request) =>
    new URL(request.url).pathname.endsWith("/long") ? new Response(long) : Response.json(1)
  );
  await using gateway = startGateway(home(upstream.url));
  const forward = { route: "ANY /raw/*", request: { path: "/raw/x?a=1" } };
  const failed = (await rehearse(gateway, { ...forward, faults: { orders: "timeout" } })).document;
  assertEquals(failed.response.status, 504);
  assertEquals([failed.parts, failed.forward.outcome], [undefined, "failed"]);
  assertMatch(failed.response.headers["proxy-status"], /^sluice-\w+;error=http_response_timeout/);
  const fine = (await rehearse(gateway, { ...forward, request: { path: "/raw/long" } })).document;
  assertEquals([fine.bodyIsCut, fine.response.body.length], [true, 1024 * 1024]);
  assertEquals(fine.forward.attempts[0].status, 200);
  const streamed = (await rehearse(gateway, {
    route: ASKED.route,
    request: { ...ASKED.request, headers: { accept: "application/x-ndjson" } },
    faults: { orders: "unreachable" },
  })).document;
  const records = streamed.response.body.trimEnd().split("\n").map((line: string) =>
    JSON.parse(line)
  );
  assertEquals(records.length, 3);
  assertEquals(records.at(-1).complete, false);
});

Deno.test("rehearse: what a source has opened is used, not opened again", async () => {
  let opened = 0;
  let closed = 0;
  const kv = {
    open: () => ++opened,
    source: (_call: unknown, _ctx: unknown, it: number) => Promise.resolve(json(it)),
    close: () => closed++,
  };
  {
    await using gateway = startGateway({
      upstreams: { kv },
      routes: { "GET /": { gather: { it: { from: "kv" } } } },
    });
    for (let count = 0; count < 2; count++) {
      const { document } = await rehearse(gateway, { route: "GET /" });
      assertEquals(document.response.body, { data: { it: 1 }, complete: true });
    }
    assertEquals([opened, closed], [1, 0]);
  }
  assertEquals([opened, closed], [1, 1]);
});

Deno.test("rehearse: a worker's threads are used, also those that a part alone names", async () => {
  const place = {
    url: new URL("../../examples/worker/gateway.config.ts", import.meta.url),
    hasFile: () => true,
  };
  await using gateway = startGateway(worker, { place });
  const request = { body: { places: [{ name: "a", x: 0, y: 0 }, { name: "b", x: 3, y: 4 }] } };
  const asked = { route: "POST /trip", request, allowUnsafe: true };
  const { document } = await rehearse(gateway, asked);
  assertEquals(document.response.body.data.trip, { places: ["a", "b"], km: 10 });
  const slow = await rehearse(gateway, { ...asked, faults: { trip: "unreachable" } });
  assertEquals(slow.document.response.status, 502);
});

Deno.test("rehearse: four at once; one whose operator leaves ends, with its calls", async () => {
  let aborted = 0;
  await using upstream = startUpstream((request) => {
    request.signal.addEventListener("abort", () => aborted++);
    return hang(request);
  });
  await using gateway = startGateway(home(upstream.url));
  const leaving = new AbortController();
  const asked = { route: "GET /home/new" };
  const running = Array.from(
    { length: 4 },
    () => rehearse(gateway, asked, leaving.signal).catch((error) => error.name),
  );
  while (upstream.requests.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  const { status, document } = await rehearse(gateway, asked);
  assertEquals([status, document.detail], [503, "4 rehearsals are running"]);
  const at = performance.now();
  leaving.abort();
  assertEquals(await Promise.all(running), Array(4).fill("AbortError"));
  while (aborted < 4) await new Promise((resolve) => setTimeout(resolve, 5));
  assertLess(performance.now() - at, 1_500, "not at the timeout");
});

const WRONG: readonly (readonly [what: string, body: unknown, detail: RegExp])[] = [
  ["an unknown route", { route: "GET /hmoe/:id" }, /did you mean "GET \/home\/:id"\?$/],
  [
    "an unknown part",
    { ...ASKED, faults: { odrers: "timeout" } },
    /^faults: "odrers" is neither a part nor an upstream of GET \/home\/:id; did you mean "orders"\?$/,
  ],
  ["an unknown fault", { ...ASKED, faults: { orders: "slow" } }, /^a fault must be "timeout", /],
  [
    "a wrong status",
    { ...ASKED, faults: { orders: { status: 99 } } },
    /^status must be .* 200 to 599$/,
  ],
  [
    "a wrong delay",
    { ...ASKED, faults: { orders: { delay: "1 sec" } } },
    /^delay must be a duration/,
  ],
  ["a missing parameter", { route: ASKED.route }, /^request\.params: "id" is required$/],
  [
    "an unknown parameter",
    { route: ASKED.route, request: { params: { di: 7 } } },
    /"di" is no parameter of GET \/home\/:id; did you mean "id"\?$/,
  ],
  [
    "a path of another route",
    { route: ASKED.route, request: { params: { id: "new" } } },
    /^GET \/home\/new goes to GET \/home\/new, not to GET \/home\/:id$/,
  ],
  [
    "a path of no route",
    { route: ASKED.route, request: { path: "/x" } },
    /^GET \/x goes to no route, not to GET \/home\/:id$/,
  ],
  [
    "another method",
    { route: ASKED.route, request: { params: { id: 7 }, method: "DELETE" }, allowUnsafe: true },
    /^DELETE \/home\/7 goes to no route/,
  ],
  ["path and params", { route: ASKED.route, request: { path: "/x", params: {} } }, /not both$/],
  ["a wildcard without a path", { route: "ANY /raw/*" }, /^request\.path is required/],
  ["a body of a GET", { ...ASKED, request: { path: "/home/7", body: 1 } }, /must not have one$/],
  [
    "a header that is none",
    { ...ASKED, request: { path: "/home/7", headers: { "a b": "c" } } },
    /^request\.headers must be/,
  ],
  ["a key that there is not", { ...ASKED, fault: {} }, /; a member is missing or unknown$/],
  ["a batch", { route: "POST /batch" }, /request by request$/],
];

Deno.test("rehearse: what is wrong with the request is said in one line", async () => {
  const { routes, ...rest } = home("http://127.0.0.1:9");
  await using gateway = startGateway({
    ...rest,
    routes: { ...routes, "POST /batch": { batch: {} } },
  });
  for (const [what, body, detail] of WRONG) {
    const { status, document } = await rehearse(gateway, body);
    assert(status === 400 || status === 404, what);
    assertMatch(document.detail, detail, what);
  }
  assertEquals(gateway.errors, []);
});
