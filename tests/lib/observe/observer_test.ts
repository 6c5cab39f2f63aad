import { assert, assertEquals } from "@std/assert";
import { json } from "../../../lib/json/json_reply.ts";
import type { CallRecord } from "../../../lib/core/trace.ts";
import type { Call, Context } from "../../../lib/core/source.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { upstreamFailure, UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { CallRecorder } from "../../../lib/observe/call_recorder.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import type { EndedRequest } from "../../../lib/observe/ended_request.ts";
import { testCall, testContext } from "../../support/context.ts";
import { gatewayFor, type TestConfig, type TestGatewayOptions } from "../../support/gateway.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { until } from "../../support/program.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** A gateway whose ended requests and calls are collected. */
function observed(config: TestConfig, options: TestGatewayOptions = {}) {
  const requests: EndedRequest[] = [];
  const calls: CallRecord[] = [];
  const observers = [{
    requestEnded: (request: EndedRequest) => requests.push(request),
    callEnded: (call: CallRecord) => calls.push(call),
  }];
  const gateway = gatewayFor(config, { ...options, observers });
  return {
    requests,
    calls,
    gateway,
    /** Sends a request, and returns what was observed of it. */
    async get(path = "/", init?: RequestInit): Promise<EndedRequest> {
      const before = requests.length;
      await (await fetch(gateway.url + path, init)).body?.cancel();
      await until(() => requests.length > before, "the request has ended");
      const [request] = requests.slice(before);
      assert(request);
      return request;
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

const ok = () => Promise.resolve(json({}));

Deno.test("an ended request tells its route, parts and calls, on one clock", async () => {
  await using gateway = observed({
    upstream: ok,
    gather: { a: { from: "up" }, b: { from: "up", needs: ["a"] } },
  });
  const request = await gateway.get("/", {
    headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  });
  const { route, method, status, problem, ended, traceId, parts, calls, waits } = request;
  assertEquals({ route, method, status, problem, ended, traceId, waits }, {
    route: "GET /",
    method: "GET",
    status: 200,
    problem: undefined,
    ended: undefined,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    waits: [],
  });
  assertEquals(parts.map(({ part }) => part), ["a", "b"]);
  assertEquals(calls.map(({ part, upstream, attempt }) => [part, upstream, attempt]), [
    ["a", "up", 1],
    ["b", "up", 1],
  ]);
  const times = [
    request.arrivedAt,
    parts[0]?.startedAt ?? NaN,
    calls[0]?.startedAt ?? NaN,
    calls[1]?.startedAt ?? NaN,
    request.arrivedAt + request.durationMs,
  ];
  assertEquals(times, times.toSorted((a, b) => a - b));
});

Deno.test("retries are numbered, and a failed call names its reason and the system's words", async () => {
  let count = 0;
  const fault = new UpstreamFault("refused", "connection refused");
  await using gateway = observed({
    upstream: {
      source: () => ++count === 1 ? Promise.reject(upstreamFailure(fault)) : ok(),
      retry: { attempts: 3, backoff: "1ms" },
    },
    gather: { it: { from: "up" } },
  });
  const { calls } = await gateway.get();
  assertEquals(
    calls.map(({ attempt, status, problem, reason, cause }) => [
      attempt,
      status,
      problem,
      reason,
      cause,
    ]),
    [
      [1, undefined, "upstream-unreachable", "refused", "connection refused"],
      [2, 200, undefined, undefined, undefined],
    ],
  );
  assertEquals(gateway.calls, [...calls]);
});

Deno.test("a hedge is marked, and the call that lost is cancelled", async () => {
  const slow = new ScriptedSource();
  let count = 0;
  await using gateway = observed({
    upstream: {
      source: (call: Call, ctx: Context) => ++count === 1 ? slow.source(call, ctx) : ok(),
      hedge: { after: "1ms", share: 1 },
    },
    gather: { it: { from: "up" } },
  });
  const { calls } = await gateway.get();
  assertEquals(calls.map(({ isHedge, problem }) => [isHedge, problem]), [
    [false, "cancelled"],
    [true, undefined],
  ]);
  assert(calls.every(({ durationMs }) => durationMs !== undefined));
});

Deno.test("a call that outlives its request has no duration yet, and gets it", async () => {
  const clock = new ManualClock();
  const upstream = new ScriptedSource();
  const ended: CallRecord[] = [];
  const recorder = new CallRecorder({
    part: "it",
    upstream: "up",
    clock,
    observers: [{ callEnded: (call) => ended.push(call) }],
  });
  const source = timeout({ timeoutMs: 1_000, clock, recorder })(upstream.source);
  const calls: CallRecord[] = [];
  const calling = source(testCall(), testContext({ trace: { id: "1", parts: [], calls } }));
  await clock.advance(5);
  assertEquals(calls[0]?.durationMs, undefined);
  upstream.at(0).fail(new GatewayError("cancelled", "left"));
  await calling.catch(() => {});
  assertEquals(calls[0]?.durationMs, 5);
  assertEquals(ended, calls);
});

Deno.test("a forward's call has no part; a target is named where there are several", async () => {
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response(),
  );
  await using _server = { [Symbol.asyncDispose]: () => server.shutdown() };
  const [a, b] = [
    `http://127.0.0.1:${server.addr.port}`,
    `http://localhost:${server.addr.port}`,
  ] as const;
  await using gateway = observed({
    upstream: { urls: [a, b] },
    routes: { "ANY /*": { forward: "up" } },
  });
  const { calls: [call] } = await gateway.get("/x");
  assertEquals([call?.part, call?.upstream, call?.status], [undefined, "up", 200]);
  assert(call?.target === a || call?.target === b, call?.target);
});

Deno.test("parts tell how a cache served them", async () => {
  await using gateway = observed({
    upstream: ok,
    gather: { it: { from: "up", cache: { ttl: "1m" } } },
  });
  assertEquals((await gateway.get()).parts[0]?.cache, "miss");
  const hit = await gateway.get();
  assertEquals(hit.parts[0]?.cache, "hit");
  assertEquals(hit.calls, []);
});

Deno.test("a whole response tells how a cache served it", async () => {
  await using gateway = observed({
    upstream: ok,
    routes: {
      "GET /a": { gather: { it: { from: "up" } }, cache: { ttl: "1m" } },
      "GET /b": { gather: { it: { from: "up" } } },
      "GET /c": { forward: "up", cache: { ttl: "1m" } },
    },
  });
  const uses: unknown[] = [];
  for (const path of ["/a", "/a", "/b", "/c", "/c"]) uses.push((await gateway.get(path)).cache);
  assertEquals(uses, ["miss", "hit", undefined, "miss", "hit"]);
});

Deno.test("a request's wait for tokens is recorded", async () => {
  await using gateway = observed({
    upstream: ok,
    limits: { few: { rate: "1/s", burst: 1, by: "all", wait: "2s" } },
    routes: { "GET /": { gather: { it: { from: "up" } }, limit: "few" } },
  });
  await gateway.get();
  const { waits: [wait] } = await gateway.get();
  assertEquals([wait?.for, wait?.part, wait?.upstream], ["limits", undefined, undefined]);
  assert(wait && wait.durationMs > 100, `${wait?.durationMs}`);
});

Deno.test("a request that no route matches has ended, too", async () => {
  await using gateway = observed({ upstream: ok, gather: { it: { from: "up" } } });
  const { route, status, problem } = await gateway.get("/nowhere");
  assertEquals({ route, status, problem }, { route: undefined, status: 404, problem: "not-found" });
});

Deno.test("without observers, traces hold no calls", async () => {
  const traces: unknown[] = [];
  await using gateway = gatewayFor({
    upstream: (_call, { trace, record }) => {
      traces.push(trace.calls, trace.waits, record);
      return ok();
    },
    gather: { it: { from: "up" } },
  });
  await (await fetch(gateway.url)).body?.cancel();
  assertEquals(traces, [undefined, undefined, undefined]);
});
