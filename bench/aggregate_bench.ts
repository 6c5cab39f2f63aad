import { benchGateway, BINDINGS } from "./gateway.ts";
import { Hono } from "hono";
import { Body } from "../lib/core/body.ts";
import { systemClock as clock } from "../lib/core/clock.ts";
import { gather } from "../lib/gather/gather.ts";
import { GatherPlan } from "../lib/gather/gather_plan.ts";
import type { Context, Source } from "../lib/core/source.ts";
import { kilobyteOfJson } from "./parts.ts";

/**
 * A whole aggregate without a network: what the gateway itself costs, beside a bare Hono route.
 * Upstreams respond at once in one group, and after a wait in another: what a request holds while it
 * waits is copied by the garbage collector, which is a good part of what it costs.
 */
const bytes = kilobyteOfJson("part");
const respond = () => ({
  status: 200,
  headers: new Headers({ "content-type": "application/json" }),
  body: Body.of(bytes),
});
const source: Source = () => Promise.resolve(respond());
const waiting: Source = () => wait().then(respond);

/** How long the waiting upstream takes (ms), and how many requests wait for it at once. */
const WAIT_MS = 5;
const AT_ONCE = 500;
let tick: Promise<void> | undefined;

/** One timer for all who wait, so that the bench does not measure timers. */
function wait(): Promise<void> {
  return tick ??= new Promise((resolve) =>
    setTimeout(() => {
      tick = undefined;
      resolve();
    }, WAIT_MS)
  );
}

const counts = [3, 10, 50];
const names = (count: number) => Array.from({ length: count }, (_, index) => `part${index}`);
const routes = Object.fromEntries(
  counts.map((count) => [`GET /of/${count}/:id`, {
    gather: Object.fromEntries(names(count).map((name) => [name, { from: "it", path: "/{id}" }])),
  }]),
);
const gateway = benchGateway({
  upstreams: { it: { source }, slow: { source: waiting } },
  routes: {
    ...routes,
    "GET /waiting/3/:id": {
      gather: Object.fromEntries(
        names(3).map((name) => [name, { from: "slow", path: `/${name}/{id}` }]),
      ),
    },
    "POST /batch": { batch: {} },
    "GET /distinct/:id": {
      gather: Object.fromEntries(
        names(10).map((name) => [name, { from: "it", path: `/${name}/{id}` }]),
      ),
    },
    "GET /depth/3": {
      gather: {
        a: { from: "it", path: "/a" },
        b: { from: "it", path: "/b/{a.name}" },
        c: { from: "it", path: "/c/{b.name}" },
      },
    },
    "GET /each/100": {
      gather: {
        list: { from: "it", path: "/list", map: () => Array.from({ length: 100 }, (_, id) => id) },
        items: { from: "it", path: "/item/{item}", each: "{list}" },
      },
    },
  },
});
const bare = new Hono().get(
  "/of/:count/:id",
  () => new Response(bytes, { headers: { "content-type": "application/json" } }),
);

const group = "a request";
let sent = 0;

Deno.bench({ name: "bare Hono, a constant", group, baseline: true }, async () => {
  const response = await bare.fetch(new Request("http://127.0.0.1/of/1/7"));
  await response.bytes();
});

const paths = {
  "gateway, no part (live)": "/_gateway/health/live",
  ...Object.fromEntries(
    counts.map((count) => [`gateway, ${count} parts, equal`, `/of/${count}/7`]),
  ),
  "gateway, 10 parts, each its own": "/distinct/7",
  "gateway, a graph of depth 3": "/depth/3",
  "gateway, an each of 100": "/each/100",
};
for (const [name, path] of Object.entries(paths)) {
  Deno.bench({ name, group }, async () => {
    const request = new Request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1" } });
    const response = await gateway.fetch(request, BINDINGS);
    await response.bytes();
    if (response.status !== 200) throw new Error(`status ${response.status}`);
  });
}

Deno.bench({
  name: `gateway, ${AT_ONCE} requests of 3 parts that wait ${WAIT_MS} ms`,
  group: "waiting",
  n: 20,
  warmup: 5,
}, async () => {
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    const url = `http://127.0.0.1/waiting/3/${sent++}`;
    const request = new Request(url, { headers: { host: "127.0.0.1" } });
    await (await gateway.fetch(request, BINDINGS)).bytes();
  }));
});

/** What a batch saves, or costs, beside as many requests at once; no network is saved here. */
const requests = Array.from({ length: 10 }, (_, id) => `/of/3/${id}`);
const batch = JSON.stringify({ requests: requests.map((path) => ({ path })) });

Deno.bench({ name: "10 requests", group: "a batch", baseline: true }, async () => {
  await Promise.all(requests.map(async (path) => {
    const request = new Request(`http://127.0.0.1${path}`, { headers: { host: "127.0.0.1" } });
    await (await gateway.fetch(request, BINDINGS)).bytes();
  }));
});

Deno.bench({ name: "a batch of 10", group: "a batch" }, async () => {
  const headers = { host: "127.0.0.1", "content-type": "application/json" };
  const request = new Request("http://127.0.0.1/batch", { method: "POST", headers, body: batch });
  const response = await gateway.fetch(request, BINDINGS);
  await response.bytes();
  if (response.status !== 200) throw new Error(`status ${response.status}`);
});

/** The engine alone: parts whose sources reply at once, without policies. */
const call = { method: "GET", path: "/7", headers: new Headers() };
const reply = { status: 200, headers: new Headers(), body: Body.of(bytes) };
const ready: Source = () => Promise.resolve(reply);
for (const count of counts) {
  const parts = names(count).map((name) => ({
    name,
    source: ready,
    call: () => call,
    optional: false,
  }));
  const engine = gather(new GatherPlan(parts, { clock }));
  const { signal } = new AbortController();
  Deno.bench({ name: `engine alone, ${count} parts`, group: "engine" }, async () => {
    const ctx: Context = {
      signal,
      deadline: Infinity,
      client: { address: "127.0.0.1" },
      trace: { id: "bench", parts: [] },
      background() {},
    };
    await engine(call, ctx);
  });
}
