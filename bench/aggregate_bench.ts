import { benchGateway, BINDINGS } from "./gateway.ts";
import { Hono } from "hono";
import { Body } from "../lib/body.ts";
import { systemClock as clock } from "../lib/clock.ts";
import { settle } from "../lib/settle.ts";
import type { Context, Source } from "../lib/source.ts";
import { kilobyteOfJson } from "./parts.ts";

/** A whole aggregate without a network: what the gateway itself costs, beside a bare Hono route. */
const bytes = kilobyteOfJson("part");
const source: Source = () =>
  Promise.resolve({
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(bytes),
  });

const counts = [1, 3, 10, 50];
const names = (count: number) => Array.from({ length: count }, (_, index) => `part${index}`);
const routes = Object.fromEntries(
  counts.map((count) => [`GET /of/${count}/:id`, {
    gather: Object.fromEntries(names(count).map((name) => [name, { from: "it", path: "/{id}" }])),
  }]),
);
const gateway = benchGateway({ upstreams: { it: { source } }, routes });
const bare = new Hono().get(
  "/of/:count/:id",
  () => new Response(bytes, { headers: { "content-type": "application/json" } }),
);

const group = "a request";

Deno.bench({ name: "bare Hono, a constant", group, baseline: true }, async () => {
  const response = await bare.fetch(new Request("http://127.0.0.1/of/1/7"));
  await response.bytes();
});

Deno.bench({ name: "gateway, no part (live)", group }, async () => {
  const request = new Request("http://127.0.0.1/_gateway/health/live", {
    headers: { host: "127.0.0.1" },
  });
  const response = await gateway.fetch(request, BINDINGS);
  await response.bytes();
});

for (const count of counts) {
  Deno.bench({ name: `gateway, ${count} parts`, group }, async () => {
    const request = new Request(`http://127.0.0.1/of/${count}/7`, {
      headers: { host: "127.0.0.1" },
    });
    const response = await gateway.fetch(request, BINDINGS);
    await response.bytes();
    if (response.status !== 200) throw new Error(`it answered ${response.status}`);
  });
}

for (const count of counts) {
  const call = { method: "GET", path: "/7", headers: new Headers() };
  const parts = names(count).map((name) => ({ name, source, call }));
  const { signal } = new AbortController();
  Deno.bench({ name: `settle alone, ${count} parts`, group: "settle" }, async () => {
    const ctx: Context = {
      signal,
      deadline: Infinity,
      client: { address: "127.0.0.1" },
      trace: { id: "bench", parts: [] },
      background() {},
    };
    for await (const outcome of settle(parts, ctx, clock)) if (outcome.error) throw outcome.error;
  });
}
