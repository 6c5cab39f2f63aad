import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Program, startProgram, until } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";
import { ask, askFor } from "../support/wire.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENTS = `00-${TRACE}-b7ad6b7169203331-01`;
const LATER = `cc-${TRACE}-b7ad6b7169203331-01-more`;
const LONG = Array.from({ length: 32 }, (_, at) => `vendor${at}=${"v".repeat(40)}`).join(",");

/** What a client sends, and what of it belongs to a trace that upstreams continue. */
interface Sent {
  readonly what: string;
  readonly lines: readonly string[];
  readonly traceparent?: string;
  readonly tracestate?: string;
}

const SENT: readonly Sent[] = [
  { what: "nothing", lines: [] },
  { what: "a traceparent", lines: [`traceparent: ${CLIENTS}`], traceparent: CLIENTS },
  {
    what: "a traceparent with a tracestate",
    lines: [`traceparent: ${CLIENTS}`, "tracestate: a=b"],
    traceparent: CLIENTS,
    tracestate: "a=b",
  },
  {
    what: "a tracestate in several lines",
    lines: ["tracestate: a=b", `traceparent: ${CLIENTS}`, "tracestate: c=d"],
    traceparent: CLIENTS,
    tracestate: "a=b, c=d",
  },
  {
    what: "a tracestate of more than 512 characters",
    lines: [`traceparent: ${CLIENTS}`, `tracestate: ${LONG}`],
    traceparent: CLIENTS,
    tracestate: LONG,
  },
  {
    what: "a traceparent of a later version",
    lines: [`traceparent: ${LATER}`, "tracestate: a=b"],
    traceparent: LATER,
    tracestate: "a=b",
  },
  { what: "an invalid traceparent", lines: ["traceparent: junk", "tracestate: a=b"] },
  { what: "a traceparent that is too long", lines: [`traceparent: ${CLIENTS}-more`] },
  {
    what: "several traceparents",
    lines: [`traceparent: ${CLIENTS}`, `traceparent: ${CLIENTS}`, "tracestate: a=b"],
  },
  { what: "a tracestate alone", lines: ["tracestate: a=b"] },
];

/** How a request reaches the upstream, and how many calls it makes. */
const WAYS: readonly { readonly way: string; readonly calls: number }[] = [
  { way: "part", calls: 2 },
  { way: "forward", calls: 1 },
  { way: "batch", calls: 2 },
  { way: "retry", calls: 2 },
  { way: "hedge", calls: 2 },
];

const ON = { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };

/** A call as an upstream saw it. */
interface Seen {
  readonly path: string;
  readonly traceparent: string | null;
  readonly tracestate: string | null;
}

function seen({ url, headers }: Request): Seen {
  return {
    path: new URL(url).pathname,
    traceparent: headers.get("traceparent"),
    tracestate: headers.get("tracestate"),
  };
}

/** Fails the first call of each `/retry/…`, and lets the first of each `/hedge/…` wait for the next. */
function startScripted(calls: Seen[]): TestUpstream {
  const waiting = new Map<string, () => void>();
  return startUpstream(async (request) => {
    const call = seen(request);
    const { path } = call;
    calls.push(call);
    const first = waiting.get(path);
    if (path.includes("/retry/") || path.includes("/hedge/")) {
      const { promise, resolve } = Promise.withResolvers<void>();
      if (first) first();
      else waiting.set(path, resolve);
      if (!first && path.includes("/retry/")) return new Response(null, { status: 503 });
      if (!first) await promise;
    }
    return Response.json(path);
  });
}

async function startTraced(url: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const budget = { share: 1, minPerSecond: 1000 };
  const hedge = { after: "5ms", share: 1 };
  const upstreams = (transport: "socket" | "fetch") => ({
    [transport]: { url, transport },
    [`${transport}_retry`]: { url, transport, retry: { attempts: 2, backoff: "1ms", budget } },
    [`${transport}_hedge`]: { url, transport, retry: { attempts: 1, budget }, hedge },
    [`${transport}_cache`]: { url, transport, cache: { ttl: "1m" } },
  });
  const routes = (transport: string) => ({
    [`GET /${transport}/part/:id`]: {
      gather: {
        a: { from: transport, path: `/${transport}/a/{id}` },
        b: { from: transport, path: `/${transport}/b/{id}` },
      },
    },
    [`GET /${transport}/forward/:id`]: { forward: transport },
    [`GET /${transport}/retry/:id`]: {
      gather: { it: { from: `${transport}_retry`, path: `/${transport}/retry/{id}` } },
    },
    [`GET /${transport}/hedge/:id`]: {
      gather: { it: { from: `${transport}_hedge`, path: `/${transport}/hedge/{id}` } },
    },
    [`GET /${transport}/cache/:id`]: {
      gather: { it: { from: `${transport}_cache`, path: `/${transport}/cache/{id}` } },
    },
  });
  return await startProgram({
    env,
    config: {
      store: ":memory:",
      upstreams: { ...upstreams("socket"), ...upstreams("fetch") },
      routes: { ...routes("socket"), ...routes("fetch"), "POST /batch": { batch: {} } },
    },
  });
}

/** Sends a request on a way, with headers and an id of its own. */
async function send(port: number, transport: string, way: string, id: string, lines: string) {
  const path = `/${transport}/${way}/${id}`;
  if (way !== "batch") return assertEquals((await askFor(port, path, lines)).status, 200, path);
  const body = JSON.stringify({ requests: [{ path: `/${transport}/part/${id}` }] });
  const head = `Host: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  assertEquals((await ask(port, `POST /batch HTTP/1.1\r\n${head}${lines}\r\n${body}`)).status, 200);
}

/** How many requests the gateway is working on. */
async function activeRequests({ url }: Program): Promise<number> {
  const text = await (await fetch(`${url}/_gateway/metrics`)).text();
  return Number(/^http_server_active_requests (\d+)$/m.exec(text)?.[1]);
}

// Whatever the client sends, whoever writes the headers, each call has one trace, and the right one.
for (const env of [{}, ON]) {
  const isOn = env === ON;
  Deno.test(`trace: each call has one traceparent, OpenTelemetry ${isOn ? "on" : "off"}`, async () => {
    const calls: Seen[] = [];
    await using upstream = startScripted(calls);
    await using program = await startTraced(upstream.url, env);
    const cases = ["socket", "fetch"].flatMap((transport) =>
      WAYS.flatMap(({ way, calls: count }) =>
        SENT.map((sent, at) => ({ transport, way, count, sent, id: `${way}${at}` }))
      )
    );
    // At once, so that timers and connections that requests share carry no trace from one to another.
    await Promise.all(
      cases.map(({ transport, way, id, sent }) =>
        send(program.port, transport, way, id, sent.lines.map((line) => `${line}\r\n`).join(""))
      ),
    );
    const spans = new Set<string>();
    for (const { transport, way, count, id, sent } of cases) {
      const what = `${transport} ${way}, ${sent.what}`;
      const made = calls.filter(({ path }) =>
        path.startsWith(`/${transport}/`) && path.endsWith(`/${id}`)
      );
      assertEquals(
        made.map(({ tracestate }) => tracestate),
        Array(count).fill(sent.tracestate ?? null),
        what,
      );
      const traces = made.map(({ traceparent }) => traceparent);
      if (!isOn) {
        assertEquals(traces, made.map(() => sent.traceparent ?? null), what);
        continue;
      }
      for (const traceparent of traces) {
        assertMatch(traceparent ?? "", /^00-[\da-f]{32}-[\da-f]{16}-01$/, what);
        const [, trace = "", span = ""] = traceparent?.split("-") ?? [];
        assertEquals(trace, traces[0]?.split("-")[1], what);
        if (sent.traceparent) assertEquals(trace, TRACE, what);
        spans.add(span);
      }
    }
    // Each attempt has a span of its own.
    if (isOn) assertEquals(spans.size, calls.length);
  });

  Deno.test(`trace: no cache key and no shared call depends on it, OpenTelemetry ${isOn ? "on" : "off"}`, async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const calls: Seen[] = [];
    await using upstream = startUpstream(async (request) => {
      calls.push(seen(request));
      if (request.url.endsWith("/shared")) await go;
      return Response.json(1);
    });
    await using program = await startTraced(upstream.url, env);
    const traced = (digit: string) =>
      `traceparent: 00-${digit.repeat(32)}-${digit.repeat(16)}-01\r\ntracestate: a=${digit}\r\n`;
    for (const transport of ["socket", "fetch"]) {
      for (const digit of "123") {
        await send(program.port, transport, "cache", "stored", traced(digit));
      }
    }
    assertEquals(calls.length, 2);
    const sending = [..."123"].map((digit) =>
      send(program.port, "socket", "part", "shared", traced(digit))
    );
    await upstream.asked(4);
    await until(
      async () => (await activeRequests(program)) === 4,
      "all wait, besides this request",
    );
    resolve();
    await Promise.all(sending);
    const shared = calls.slice(2);
    assertEquals(shared.length, 2, "one call a part, in the trace of the request that made it");
    for (const { traceparent } of shared) {
      assert(/^00-(\d)\1{31}-/.test(traceparent ?? ""), `${traceparent}`);
    }
  });
}
