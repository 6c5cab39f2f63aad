import { assertEquals, assertLess, assertRejects } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import type { OpenedUpstream, Upstream } from "../../lib/config/upstream.ts";
import { StartError } from "../../lib/core/start_error.ts";
import type { Source } from "../../lib/core/source.ts";
import { json } from "../../lib/json/json_reply.ts";
import { heapUsed } from "../support/heap_used.ts";
import { until } from "../support/program.ts";
import { startReloadable } from "../support/reloadable.ts";
import { startServer } from "../support/server.ts";
import { startUpstream } from "../support/upstream.ts";

type Routes = GatewayConfig["routes"];

const IT: Routes = { "GET /it": { gather: { it: { from: "up", path: "/" } } } };
const FORWARD: Routes = { "ANY /*": { forward: "up" } };

function configOf(up: Upstream, routes: Routes = IT, more: Partial<GatewayConfig> = {}) {
  return { ...more, upstreams: { up }, routes };
}

async function get(url: string) {
  const response = await fetch(url);
  return { status: response.status, body: await response.json(), headers: response.headers };
}

/** The status of each of some requests, one after the other. */
async function statuses(url: string, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let made = 0; made < count; made++) all.push((await get(url)).status);
  return all;
}

Deno.test("an upstream that stays as it was keeps its breaker; one that changes begins anew", async () => {
  await using upstream = startUpstream(() => new Response(null, { status: 500 }));
  const up = { url: upstream.url, breaker: { minCalls: 2, openFor: "1h" } } as const;
  await using gateway = await startReloadable(configOf(up));
  assertEquals(await statuses(`${gateway.url}/it`, 3), [502, 502, 503]);
  await gateway.reload(configOf(up, { ...IT, "ANY /more": { forward: "up" } }));
  assertEquals(await statuses(`${gateway.url}/it`, 1), [503], "it is still open");
  await gateway.reload(configOf({ ...up, timeout: "3s" }));
  assertEquals(await statuses(`${gateway.url}/it`, 1), [502], "another upstream has its own");
  await gateway.reload(configOf(up));
  assertEquals(await statuses(`${gateway.url}/it`, 1), [502], "what was removed is forgotten");
  assertEquals(gateway.shared.upstreams.size, 1);
});

Deno.test("a bucket stays as empty as it was; a changed limit has a new one", async () => {
  const config = (rate: `${number}/h`) =>
    configOf({ source: () => Promise.resolve(json(1)) }, {
      "GET /it": { limit: "each", gather: { it: { from: "up" } } },
    }, { limits: { each: { rate, burst: 2 } } });
  await using gateway = await startReloadable(config("1/h"));
  assertEquals(await statuses(`${gateway.url}/it`, 3), [200, 200, 429]);
  await gateway.reload(config("1/h"));
  assertEquals(await statuses(`${gateway.url}/it`, 1), [429]);
  await gateway.reload(config("2/h"));
  assertEquals(await statuses(`${gateway.url}/it`, 3), [200, 200, 429]);
});

Deno.test("stored responses stay, and none is served for what another config would fetch", async () => {
  let calls = 0;
  const answer = (name: string) => (request: Request) => {
    calls++;
    return Response.json({ name, sent: request.headers.get("x-sent"), more: 1 });
  };
  await using one = startUpstream(answer("one"));
  await using two = startUpstream(answer("two"));
  const config = (
    { url = one.url, sent = "a", pick }: { url?: string; sent?: string; pick?: string[] } = {},
  ) =>
    configOf({ url, cache: { ttl: "1h" }, headers: { "x-sent": sent } }, {
      "GET /part": { gather: { it: { from: "up", path: "/", ...(pick && { pick }) } } },
      "GET /whole": {
        cache: { ttl: "1h" },
        gather: { it: { from: "up", path: "/w", ...(pick && { pick }) } },
      },
      "GET /forward": { forward: "up" },
    });
  await using gateway = await startReloadable(config());
  const bodies = async () => {
    const [part, whole, forward] = [
      await get(`${gateway.url}/part`),
      await get(`${gateway.url}/whole`),
      await get(`${gateway.url}/forward`),
    ];
    return [part.body.data.it, whole.body.data.it, forward.body];
  };
  const thrice = (value: unknown) => [value, value, value];
  assertEquals(await bodies(), thrice({ name: "one", sent: "a", more: 1 }));
  assertEquals(calls, 3);
  await gateway.reload(config());
  assertEquals(await bodies(), thrice({ name: "one", sent: "a", more: 1 }));
  assertEquals(calls, 3, "all were stored");

  await gateway.reload(config({ sent: "b" }));
  assertEquals(await bodies(), thrice({ name: "one", sent: "b", more: 1 }));
  await gateway.reload(config({ url: two.url }));
  assertEquals(await bodies(), thrice({ name: "two", sent: "a", more: 1 }));
  await gateway.reload(config({ pick: ["sent"] }));
  const [part, whole] = await bodies();
  assertEquals([part, whole], [{ sent: "a" }, { sent: "a" }]);
});

Deno.test("a function of another text has no stored responses of the one before", async () => {
  const config = (source: Source) =>
    configOf({ source, cache: { ttl: "1h", shared: true } }, {
      "GET /part": { gather: { it: { from: "up" } } },
      "GET /whole": { cache: { ttl: "1h" }, gather: { it: { from: "up" } } },
    });
  await using gateway = await startReloadable(config(() => Promise.resolve(json("one"))));
  const both = async () => [
    (await get(`${gateway.url}/part`)).body.data.it,
    (await get(`${gateway.url}/whole`)).body.data.it,
  ];
  assertEquals(await both(), ["one", "one"]);
  await gateway.reload(config(() => Promise.resolve(json("two"))));
  assertEquals(await both(), ["two", "two"]);
});

Deno.test("a request goes on with the gateway that accepted it, which ends after the last one", async () => {
  const held = Promise.withResolvers<void>();
  const told: string[] = [];
  const opened = (name: string): OpenedUpstream<string> => ({
    open() {
      told.push(`open ${name}`);
      return name;
    },
    async source({ path }, _ctx, it) {
      if (path === "/held") await held.promise;
      return json(it);
    },
    close: () => told.push(`close ${name}`),
  });
  await using gateway = await startReloadable(configOf(opened("old"), FORWARD));
  const inFlight = get(`${gateway.url}/held`);
  await until(() => told.length > 0, "the request is in flight");
  await gateway.reload(configOf(opened("new"), FORWARD));
  assertEquals((await get(`${gateway.url}/`)).body, "new");
  assertEquals(told, ["open old", "open new"]);
  assertEquals(gateway.gateways.size, 2);
  held.resolve();
  assertEquals((await inFlight).body, "old");
  await until(() => gateway.gateways.size === 1, "the old gateway ends");
  assertEquals(told, ["open old", "open new", "close old"]);
});

Deno.test("a stream goes on across reloads, and keeps its gateway until it ends", async () => {
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  await using upstream = startUpstream(() =>
    new Response(
      new ReadableStream<Uint8Array>({
        start(controller) {
          stream = controller;
        },
      }),
    )
  );
  await using gateway = await startReloadable(configOf({ url: upstream.url }, FORWARD));
  const response = fetch(`${gateway.url}/stream`);
  await upstream.asked(1);
  const send = (text: string) => stream?.enqueue(new TextEncoder().encode(text));
  send("a");
  const text = (await response).text();
  await gateway.reload(configOf({ source: () => Promise.resolve(json("new")) }, FORWARD));
  await gateway.reload({ upstreams: {}, routes: {} });
  send("b");
  await until(() => gateway.gateways.size === 2, "only the stream's gateway and the new one stay");
  assertEquals((await get(`${gateway.url}/`)).status, 404);
  send("c");
  stream?.close();
  assertEquals(await text, "abc");
  await until(() => gateway.gateways.size === 1, "the stream's gateway ends");
  assertEquals(gateway.shared.upstreams.size, 0);
});

Deno.test("work in the background ends before what it uses is closed", async () => {
  const held = Promise.withResolvers<void>();
  const told: string[] = [];
  const upstream: OpenedUpstream<unknown> = {
    open: () => told.push("open"),
    source(_call, ctx) {
      ctx.background(async () => {
        await held.promise;
        told.push("done");
      });
      return Promise.resolve(json(1));
    },
    close: () => told.push("close"),
  };
  await using gateway = await startReloadable(configOf(upstream, FORWARD));
  await get(`${gateway.url}/`);
  await gateway.reload({ upstreams: {}, routes: {} });
  assertEquals(told, ["open"]);
  held.resolve();
  await until(() => gateway.gateways.size === 1, "the old gateway ends");
  assertEquals(told, ["open", "done", "close"]);
});

Deno.test("what cannot be opened keeps the gateway before, and is closed", async () => {
  const told: string[] = [];
  const opened = (name: string, fails = false): OpenedUpstream<string> => ({
    openAt: "start",
    open() {
      if (fails) throw new Error("no database");
      told.push(`open ${name}`);
      return name;
    },
    source: (_call, _ctx, it) => Promise.resolve(json(it)),
    close: () => told.push(`close ${name}`),
  });
  await using gateway = await startReloadable(configOf(opened("old"), FORWARD));
  const other = {
    upstreams: { up: opened("new"), bad: opened("bad", true) },
    routes: {
      ...FORWARD,
      "GET /bad": { forward: "bad" },
    },
  } satisfies GatewayConfig;
  const error = await assertRejects(() => gateway.reload(other), StartError);
  assertEquals(error.message, "upstreams.bad cannot be opened: no database");
  await until(() => gateway.gateways.size === 1, "what was opened is closed");
  assertEquals(told, ["open old", "open new", "close new"]);
  assertEquals((await get(`${gateway.url}/`)).body, "old");
  assertEquals(gateway.errors, []);
});

Deno.test("health checks end with the last gateway that has the target, and begin with the first", async () => {
  const checks = { one: 0, two: 0 };
  const count = (name: keyof typeof checks) => () => {
    checks[name]++;
    return Response.json(name);
  };
  await using one = startUpstream(count("one"));
  await using two = startUpstream(count("two"));
  const config = (url: string, routes: Routes) =>
    configOf({ url, health: { path: "/up", every: "10ms" } }, routes);
  await using gateway = await startReloadable(config(one.url, FORWARD));
  await until(() => checks.one > 2, "the first is checked");
  await gateway.reload(config(one.url, { ...FORWARD, "GET /more": { forward: "up" } }));
  const before = checks.one;
  await until(() => checks.one > before + 2, "it is checked on");
  await gateway.reload(config(two.url, FORWARD));
  await until(() => gateway.gateways.size === 1, "the old gateway ends");
  const ended = checks.one;
  await until(() => checks.two > 5, "the second is checked");
  assertEquals(checks.one, ended);
});

Deno.test("1,000 reloads under traffic leave nothing behind", async () => {
  await using upstream = startServer(() => Response.json(1));
  const config = (version: number): GatewayConfig => ({
    upstreams: {
      same: { url: upstream.url, breaker: {} },
      other: {
        urls: [upstream.url, `http://localhost:${new URL(upstream.url).port}`],
        health: { path: "/" },
        headers: { "x-version": `${version}` },
      },
      opened: { open: () => version, source: (_call, _ctx, it) => Promise.resolve(json(it)) },
    },
    limits: { all: { rate: "1000000/s", burst: 1_000_000, by: "all" } },
    routes: {
      "GET /it": {
        limit: "all",
        deadline: `${5_000 + version}ms`,
        gather: {
          same: { from: "same", path: "/" },
          other: { from: "other", path: "/" },
          opened: { from: "opened" },
        },
      },
    },
  });
  await using gateway = await startReloadable(config(0));
  let failed = 0;
  const reloadTo = async (from: number, to: number) => {
    for (let version = from; version < to; version++) {
      const request = get(`${gateway.url}/it`);
      await gateway.reload(config(version));
      const { status, body } = await request;
      if (status !== 200 || !body.complete) failed++;
    }
    await until(() => gateway.gateways.size === 1, "all old gateways end");
  };
  await reloadTo(1, 200);
  const before = heapUsed();
  await reloadTo(200, 1_000);
  assertEquals([failed, gateway.shared.upstreams.size, gateway.errors], [0, 3, []]);
  assertLess(heapUsed() - before, 3 * 2 ** 20, "memory after 800 more reloads");
});
