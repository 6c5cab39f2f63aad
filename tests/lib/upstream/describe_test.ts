import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../../lib/config/gateway.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { describe } from "../../../lib/upstream/describe.ts";
import { CERTIFICATES } from "../../support/certificates.ts";
import { json } from "../../../lib/json/json_reply.ts";

const describeConfig = (config: GatewayConfig) => describe(parseConfig(config, () => undefined));

Deno.test("a config is described route by route, each with its stacks and its worst case", () => {
  const text = describeConfig({
    upstreams: {
      users: { url: "http://127.0.0.1:9001", timeout: "400ms" },
      rows: { source: () => Promise.resolve(json(1)), maxBody: "64KiB" },
    },
    routes: {
      "POST /home/:id": {
        deadline: "1s",
        gather: {
          profile: { from: "users", path: "/users/{id}", timeout: "250ms" },
          note: { from: "users", method: "POST", body: {}, as: "text", optional: true },
          rows: { from: "rows", otherwise: [], timeout: "900ms" },
        },
      },
      "ANY /users/*": { forward: "users" },
    },
  });
  assertEquals(
    text,
    `upstreams: 2, routes: 2

POST /home/:id
  deadline 1s, worst case 900ms, 3 upstream calls
  profile (required): accept json → coalesce → timeout 250ms → buffer 4MiB → GET users
  note (optional): accept text → coalesce → shed → timeout 400ms → buffer 4MiB → POST users
  rows (optional): accept json → coalesce → shed → timeout 900ms → buffer 64KiB → GET rows

ANY /users/*
  deadline 10s, worst case 400ms, 1 upstream call
  forward users: timeout 400ms`,
  );
});

Deno.test("a circuit breaker stands between retry and bulkhead", () => {
  const text = describeConfig({
    upstreams: {
      up: {
        url: "http://127.0.0.1:9001",
        retry: {},
        breaker: { failureRate: 0.25 },
        concurrency: 4,
        cache: {},
      },
    },
    routes: { "GET /": { gather: { a: { from: "up" } } }, "ANY /f": { forward: "up" } },
  });
  const stacks = text.split("\n").filter((line) => line.includes("breaker"));
  assertEquals(stacks, [
    "  a (required): accept json → cache → coalesce → retry 3 → breaker 25% → bulkhead 4 → timeout 5s → buffer 4MiB → GET up",
    "  forward up: cache → breaker 25% → bulkhead 4 → timeout 5s",
  ]);
});

Deno.test("the deadline is the worst case where the parts may take longer", () => {
  const text = describeConfig({
    upstreams: { users: { url: "http://127.0.0.1:9001" } },
    routes: {
      "GET /": { deadline: "1500ms", gather: { a: { from: "users" } } },
      "GET /b/*": { deadline: "2s", forward: "users" },
    },
  });
  assertEquals(text.split("\n").filter((line) => line.includes("deadline")), [
    "  deadline 1500ms, worst case 1500ms, 1 upstream call",
    "  deadline 2s, worst case 2s, 1 upstream call",
  ]);
});

Deno.test("pages are walked one after the other", () => {
  const pages = { next: "link", max: 4 } as const;
  const text = describeConfig({
    upstreams: { up: { url: "http://127.0.0.1:9001", timeout: "400ms" } },
    routes: {
      "GET /": {
        gather: {
          a: { from: "up", pages, pick: ["id"], map: (data: unknown) => data, needs: ["b"] },
          b: { from: "up", pages: { next: "/next", max: 2 } },
        },
      },
      "GET /b": { deadline: "1s", gather: { a: { from: "up", pages } } },
    },
  });
  const stack = "accept json → coalesce → timeout 400ms → buffer 4MiB → GET up";
  assertEquals(
    text,
    `upstreams: 1, routes: 2

GET /
  deadline 10s, worst case 2400ms, 2 to 6 upstream calls
  a (required; after b): map → pages 4 → pick → ${stack}
  b (required): pages 2 → ${stack}

GET /b
  deadline 1s, worst case 1s, 1 to 4 upstream calls
  a (required): pages 4 → ${stack}`,
  );
});

Deno.test("a gateway without routes is described too", () => {
  assertEquals(describeConfig({ upstreams: {}, routes: {} }), "upstreams: 0, routes: 0");
});

/** What is told of the parts of one route. */
function partsOf(route: GatewayConfig["routes"][`GET /${string}`], upstream = {}): string[] {
  const text = describeConfig({
    upstreams: { up: { url: "http://127.0.0.1:9001", timeout: "100ms", ...upstream } },
    routes: { "GET /:id": route },
  });
  return text.split("\n").slice(4);
}

const STACK = "accept json → coalesce → timeout 100ms → buffer 4MiB → GET up";
const OPTIONAL = STACK.replace("timeout", "shed → timeout");

Deno.test("a part is described with its dependencies and its list", () => {
  assertEquals(
    partsOf({
      gather: {
        a: { from: "up" },
        b: { from: "up", path: "/{a.x}", needs: ["c"], optional: true },
        c: { from: "up", path: "/{item}", each: "{a.ids}", concurrency: 2, max: 9 },
        d: { from: "up", path: "/{item}", each: "{query.ids}" },
      },
    }),
    [
      `  a (required): ${STACK}`,
      `  b (optional; after a, c): ${OPTIONAL}`,
      `  c (required; after a; each of up to 9, 2 at once): ${STACK}`,
      `  d (required; each of up to 100, 8 at once): ${STACK}`,
    ],
  );
});

Deno.test("a race is described as one", () => {
  const a = { from: "up" };
  const b = { from: "up", path: "/{a.x}" } as const;
  assertEquals(partsOf({ first: { a, b } }), [
    "  the first of",
    `  a: ${STACK}`,
    `  b (after a): ${STACK}`,
  ]);
  assertEquals(partsOf({ quorum: 1, gather: { a, b } }), [
    "  any 1 of",
    `  a: ${STACK}`,
    `  b (after a): ${STACK}`,
  ]);
});

Deno.test("a stack names each policy that there is, outermost first", () => {
  const upstream = { retry: { attempts: 2 }, concurrency: 4 };
  const shaped = { from: "up", select: "/a", pick: ["b"], map: (data: unknown) => data };
  assertEquals(partsOf({ gather: { a: shaped } }, upstream), [
    "  a (required): select pick map → accept json → coalesce → retry 2 → bulkhead 4 → " +
    "timeout 100ms → buffer 4MiB → GET up",
  ]);
  assertEquals(partsOf({ forward: "up" }, upstream), [
    "  forward up: bulkhead 4 → timeout 100ms",
  ]);
});

Deno.test("a batch may take its whole deadline: any request may be in it", () => {
  const text = describeConfig({
    upstreams: { up: { url: "http://127.0.0.1:9001" } },
    routes: { "POST /batch": { deadline: "3s", batch: { max: 10, maxTotal: "2MiB" } } },
  });
  assertEquals(
    text.split("\n\n")[1],
    `POST /batch
  deadline 3s, worst case 3s, 0 upstream calls
  batch of up to 10, 8 at once; responses up to 1MiB each, 2MiB in all`,
  );
});

Deno.test("each cache is described by those for whom it stores", () => {
  const source = () => Promise.resolve(json(1));
  const ttl = { ttl: "1m" } as const;
  const config: GatewayConfig = {
    upstreams: {
      up: { url: "http://127.0.0.1:9001", cache: ttl },
      rows: { source, cache: ttl },
    },
    routes: {
      "GET /a": {
        gather: {
          plain: { from: "up" },
          keyed: { from: "up", headers: { "x-key": "{header.x-key}", cookie: "{header.cookie}" } },
          authorized: { from: "up", headers: { authorization: "{header.authorization}" } },
          fixed: { from: "up", headers: { "accept-language": "is" } },
          none: { from: "up", cache: false },
          rows: { from: "rows", optional: true },
        },
        cache: ttl,
      },
      "GET /b": {
        gather: { fixed: { from: "up", headers: { "accept-language": "is" } } },
        cache: {},
      },
      "GET /c": { forward: "up" },
      "GET /d": { forward: "up", cache: { ttl: "1m", shared: true } },
      "GET /e": { forward: "up", cache: {} },
      "GET /f": { forward: "rows" },
      "GET /g": { forward: "up", cache: false },
      "GET /h": { gather: { rows: { from: "rows", cache: { shared: true } } }, cache: {} },
    },
  };
  const stored = (config: GatewayConfig) =>
    describe(parseConfig(config, () => "key")).split("\n").filter((line) =>
      /^ {2}cache/.test(line)
    );
  const rule = "where the response says public, s-maxage or must-revalidate";
  const allow = "shared: true stores them for all";
  const authorized = `stored for all; with Authorization only ${rule}`;
  const clients = { key: "header:x-key", known: { ann: { env: "ANN" } } } as const;
  assertEquals(stored({ ...config, clients }), [
    "  cache of plain: stored for all with the same accept-language",
    "  cache of keyed: stored per client, by cookie and x-key",
    `  cache of authorized: stored only ${rule}, because the call has the client's Authorization`,
    "  cache of fixed: stored for all",
    `  cache of rows: stored per client, because a function may depend on the client; ${allow}`,
    `  cache of the aggregate: not stored, because the function of rows may depend on the client; ${allow}`,
    "  cache of fixed: stored for all",
    "  cache of the aggregate: stored for all",
    `  cache: ${authorized}; with a Cookie only where the response says how long it is fresh; ${allow}`,
    `  cache: ${authorized}`,
    `  cache: ${authorized}; with a Cookie only where the response says how long it is fresh; ${allow}`,
    `  cache: stored per client, because a function may depend on the client; ${allow}`,
    "  cache of rows: stored for all with the same accept-language",
    "  cache of the aggregate: stored for all with the same accept-language",
  ]);
  const unknown = stored(config);
  assertEquals(unknown[4], "  cache of rows: stored for all with the same accept-language");
  assertEquals(
    unknown[1],
    "  cache of keyed: stored per client, by cookie",
    "without known clients, x-key is a header like any other",
  );
});

Deno.test("the targets of an upstream are listed, each with its share of the calls", () => {
  const text = describeConfig({
    upstreams: {
      users: {
        urls: ["http://10.0.0.5:9001", { url: "http://10.0.0.6:9001/", weight: 3 }],
        health: { path: "/healthz" },
      },
      geo: { url: "http://127.0.0.1:9002" },
      shop: { url: "https://shop.example" },
    },
    routes: {
      "ANY /users/*": { forward: "users" },
      "ANY /geo/*": { forward: "geo" },
      "ANY /shop/*": { forward: "shop" },
    },
  });
  assertEquals(
    text.split("\n\n")[1],
    `upstream users
  target http://10.0.0.5:9001: 25 %
  target http://10.0.0.6:9001: 75 %
  health GET /healthz every 5s`,
  );
  assertEquals(text.split("\n").filter((line) => line.startsWith("  forward")), [
    "  forward users: timeout 5s → target of 2",
    "  forward geo: timeout 5s",
    "  forward shop: timeout 5s → target",
  ]);
});

Deno.test("TLS of the gateway and of upstreams is described, and no key", () => {
  const config = {
    tls: { cert: "./cert.pem", key: { env: "KEY" } },
    upstreams: {
      plain: { url: "https://a" },
      own: { url: "https://a", tls: { ca: "./ca.pem", cert: "./cert.pem", key: { env: "KEY" } } },
      named: { url: "https://10.0.0.1", host: "b.internal", tls: { serverName: "b" } },
    },
    routes: {},
  };
  const settings = parseConfig(config, () => CERTIFICATES.key, {
    url: new URL("file:///srv/"),
    hasFile: () => true,
    readFile: () => CERTIFICATES.good,
  });
  const [, listening = "", ...upstreams] = describe(settings).split("\n\n");
  assertEquals(/^tls: HTTPS, certificate until 2126-11-\d\dT/.test(listening), true, listening);
  assertEquals(upstreams, [
    "upstream own: private CA, client certificate",
    "upstream named: server name b, host b.internal",
  ]);
});
