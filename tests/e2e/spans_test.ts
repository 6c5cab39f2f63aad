import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { type Collector, type ReceivedSpan, startCollector } from "../support/otlp.ts";
import { type Program, startProgram } from "../support/program.ts";
import { hang, refusingUrl, startUpstream, type TestUpstream } from "../support/upstream.ts";
import { ask, type WireAnswer } from "../support/wire.ts";

const SECRET = "hunter2";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const LINES = [
  `traceparent: 00-${TRACE}-${PARENT}-01`,
  `authorization: Bearer ${SECRET}`,
  `cookie: session=${SECRET}`,
  `x-api-key: ${SECRET}`,
  `x-other: ${SECRET}`,
].map((line) => `${line}\r\n`).join("");

/** What of a span is compared, in the order of the text. */
const SHOWN = [
  "http.response.status_code",
  "error.type",
  "sluice.cause",
  "sluice.cache",
  "http.request.resend_count",
  "sluice.hedge",
];

/** `name key=value`, of a span and of all within it, each level further in. */
function outline(spans: readonly ReceivedSpan[], of: ReceivedSpan, depth = 0): string[] {
  const shown = SHOWN.flatMap((key) => {
    const value = of.attributes.get(key);
    return value === undefined ? [] : [`${key.replace(/^.*\./, "")}=${value}`];
  });
  const within = spans.filter(({ parentSpanId, name }) =>
    parentSpanId === of.spanId && !/^(?:wait for|cache lookup|admission)/.test(name)
  ).sort((a, b) => Number(a.startedAt - b.startedAt));
  return [
    `${"  ".repeat(depth)}${[of.name, ...shown].join(" ")}`,
    ...within.flatMap((span) => outline(spans, span, depth + 1)),
  ];
}

/** Fails the first call for `/retry`, does not answer the first for `/hedge`. */
function startScripted(traceparents: string[]): TestUpstream {
  let isRetried = false;
  let hedges = 0;
  return startUpstream(async (request) => {
    const { url, headers } = request;
    traceparents.push(headers.get("traceparent") ?? "");
    const { pathname } = new URL(url);
    if (pathname === "/broken") return new Response("no", { status: 500 });
    if (pathname === "/retry" && !isRetried) {
      isRetried = true;
      return new Response(null, { status: 503 });
    }
    if (pathname === "/hedge" && hedges++ === 0) return await hang(request);
    return Response.json({ secret: SECRET });
  });
}

function startTraced(collector: Collector, url: string): Promise<Program> {
  const budget = { share: 1, minPerSecond: 100 };
  const headers = { authorization: { env: "UPSTREAM_TOKEN" } };
  const dead = refusingUrl();
  const query = "?token={query.token}";
  return startProgram({
    env: { ...collector.env, UPSTREAM_TOKEN: SECRET, CLIENT_KEY: SECRET },
    config: {
      store: "./store.kv",
      clients: { key: "header:x-api-key", known: { app: { env: "CLIENT_KEY" } } },
      upstreams: {
        retry: { url, headers, retry: { attempts: 2, backoff: "1ms", budget } },
        hedge: { url, retry: { attempts: 1, budget }, hedge: { after: "5ms", share: 1 } },
        cache: { url, headers, cache: { ttl: "1m" } },
        narrow: { url, concurrency: { max: 1, queue: 9 } },
        fetch: { url, headers, transport: "fetch" },
        dead: { url: dead },
        deadFetch: { url: dead, transport: "fetch" },
      },
      limits: { few: { rate: "2/h", burst: 2 } },
      routes: {
        "GET /home/:id": {
          limit: "few",
          gather: {
            retried: { from: "retry", path: `/retry${query}` },
            stored: { from: "cache", path: "/stored" },
            one: { from: "narrow", path: "/one" },
            two: { from: "narrow", path: "/two" },
            broken: { from: "fetch", path: `/broken${query}`, optional: true },
            dead: { from: "dead", path: `/dead${query}`, optional: true },
            deadFetch: { from: "deadFetch", path: `/dead${query}`, optional: true },
            after: { from: "retry", path: "/after/{broken.id}", optional: true },
          },
        },
        "GET /hedged": { gather: { hedged: { from: "hedge", path: "/hedge" } } },
        "GET /f/*": { forward: "fetch" },
        "POST /batch": { batch: {} },
      },
    },
  });
}

function get(port: number, target: string): Promise<WireAnswer> {
  return ask(port, `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${LINES}\r\n`);
}

Deno.test("spans: requests, parts, attempts and waits, in one trace and without a secret", async () => {
  const traceparents: string[] = [];
  await using collector = startCollector();
  await using upstream = startScripted(traceparents);
  await using program = await startTraced(collector, upstream.url);
  const { port } = program;
  const home = `/home/7?token=${SECRET}`;
  const first = await get(port, home);
  assertEquals(first.status, 200);
  assertEquals((await get(port, home)).status, 200);
  const denied = await get(port, home);
  assertEquals([denied.status, JSON.parse(denied.body).traceId], [429, TRACE]);
  assertEquals((await get(port, "/hedged")).status, 200);
  const body = JSON.stringify({
    requests: [{ path: `/f/a?token=${SECRET}` }, { path: "/nowhere" }],
  });
  const head = `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  await ask(port, `POST /batch HTTP/1.1\r\nHost: a\r\n${head}${LINES}\r\n${body}`);
  assertEquals((await get(port, `/nowhere?token=${SECRET}`)).status, 404);

  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0); // the last spans are sent at the end
  const { spans, text } = collector;
  assertFalse(text.includes(SECRET), text.slice(text.indexOf(SECRET) - 500).slice(0, 600));
  for (const { traceId } of spans) assertEquals(traceId, TRACE);
  const requests = spans.filter(({ parentSpanId }) => parentSpanId === PARENT)
    .sort((a, b) => Number(a.startedAt - b.startedAt));
  assertEquals(requests.map(({ kind }) => kind), [2, 2, 2, 2, 2, 2]);
  const [home1, home2, home3, hedged, batch, nowhere] = requests.map((span) =>
    outline(spans, span)
  );
  assertEquals(
    home1?.toSorted(),
    [
      "GET /home/:id status_code=200",
      "  after type=input-failed",
      "  broken type=upstream-error",
      "    GET fetch status_code=500 type=500",
      "  dead type=upstream-unreachable",
      "    GET dead type=upstream-unreachable cause=refused",
      "  deadFetch type=upstream-unreachable",
      "    GET deadFetch type=upstream-unreachable cause=refused",

      "  one",
      "    GET narrow status_code=200",
      "  retried",
      "    GET retry status_code=503 type=503",
      "    GET retry status_code=200 resend_count=1",
      "  stored cache=miss",
      "    GET cache status_code=200",
      "  two",
      "    GET narrow status_code=200",
    ].toSorted(),
  );
  assert(home2?.includes("  stored cache=hit"), home2?.join("\n"));
  assertEquals(home3, ["GET /home/:id status_code=429 type=quota-exceeded"]);
  assertEquals(hedged, [
    "GET /hedged status_code=200",
    "  hedged",
    "    GET hedge type=cancelled",
    "    GET hedge status_code=200 hedge=true",
  ]);
  assertEquals(batch, [
    "POST /batch status_code=200",
    "  GET /f/* status_code=200",
    "    GET fetch status_code=200",
    "  GET status_code=404 type=not-found",
  ]);
  assertEquals(nowhere, ["GET status_code=404 type=not-found"]);

  const { attributes } = requests[0] ?? { attributes: new Map<string, string>() };
  assertEquals(attributes.get("http.route"), "/home/:id");
  assertEquals(attributes.get("sluice.request.id"), first.headers.get("x-request-id"));
  const names = new Set(spans.map(({ name }) => name));
  for (const name of ["limits", "concurrency", "backoff"]) {
    assert(names.has(`wait for ${name}`), name);
  }
  assert(names.has("cache lookup"));
  // Each call that an upstream saw is a client span, and names it as its parent.
  const attempts = new Map(
    spans.filter(({ kind }) => kind === 3).map((span) => [span.spanId, span]),
  );
  for (const traceparent of traceparents) {
    const [, trace, span = ""] = traceparent.split("-");
    assertEquals(trace, TRACE);
    assertEquals(attempts.get(span)?.attributes.get("server.port"), new URL(upstream.url).port);
  }
  assertEquals(new Set(traceparents).size, traceparents.length);
  // Only failures are errors: neither a denied client nor what was no longer needed.
  const errors = spans.filter(({ status }) => status === 2).map(({ attributes }) =>
    attributes.get("error.type")
  );
  for (const type of ["cancelled", "quota-exceeded", "not-found"]) {
    assertFalse(errors.includes(type));
  }
  for (const type of ["503", "input-failed"]) assert(errors.includes(type), type);
});

Deno.test("spans: what a function fetches is within its attempt, with one traceparent", async () => {
  const traceparents: string[] = [];
  await using collector = startCollector();
  await using upstream = startScripted(traceparents);
  await using program = await startProgram({
    env: collector.env,
    config: `
      const { json } = await import("${new URL("../../lib/mod.ts", import.meta.url)}");
      const source = async ({ headers }, { span }) => {
        const query = span.start("query");
        await (await fetch("${upstream.url}/in?token=${SECRET}", { headers })).body.cancel();
        query.end();
        return json(1);
      };
      export default {
        store: ":memory:",
        upstreams: { own: { source } },
        routes: { "GET /part": { gather: { it: { from: "own" } } }, "GET /to": { forward: "own" } },
      };`,
  });
  for (const path of ["/part", "/to"]) assertEquals((await get(program.port, path)).status, 200);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  const { spans, text } = collector;
  assertFalse(text.includes(SECRET));
  const outlines = spans.filter(({ parentSpanId }) => parentSpanId === PARENT)
    .sort((a, b) => Number(a.startedAt - b.startedAt)).map((span) => outline(spans, span));
  const called = (depth: string) => [
    `${depth}GET own status_code=200`,
    `${depth}  query`,
    `${depth}  GET status_code=200`,
  ];
  assertEquals(outlines, [
    ["GET /part status_code=200", "  it", ...called("    ")],
    ["GET /to status_code=200", ...called("  ")],
  ]);
  const fetched = spans.filter(({ name, kind }) => name === "GET" && kind === 3)
    .map(({ spanId }) => `00-${TRACE}-${spanId}-01`);
  assertEquals(traceparents.toSorted(), fetched.toSorted());
});

Deno.test("spans: of a request that is not sampled none is sent, and upstreams are told so", async () => {
  const traceparents: string[] = [];
  await using collector = startCollector();
  await using upstream = startScripted(traceparents);
  const { url } = upstream;
  await using program = await startProgram({
    env: { ...collector.env, OTEL_TRACES_SAMPLER: "always_off" },
    config: {
      store: ":memory:",
      upstreams: { socket: { url }, fetch: { url, transport: "fetch" } },
      routes: { "GET /": { gather: { a: { from: "socket" }, b: { from: "fetch" } } } },
    },
  });
  assertEquals((await get(program.port, "/")).status, 200);
  program.signal("SIGTERM");
  assertEquals(await program.ended(), 0);
  assertEquals(collector.spans, []);
  assertEquals(traceparents.length, 2);
  for (const traceparent of traceparents) {
    assertMatch(traceparent, new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
  }
});
