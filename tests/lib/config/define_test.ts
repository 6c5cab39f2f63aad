import { assertStrictEquals } from "@std/assert";
import { defineGateway, type GatewayConfig } from "../../../lib/config/gateway.ts";
import type { Part } from "../../../lib/config/part.ts";
import type { Duration, Size } from "../../../lib/config/units.ts";
import { defineUpstream } from "../../../lib/config/upstream.ts";
import { json } from "../../../lib/json/json_reply.ts";

// The compiler is what these test: a mistake that it no longer sees leaves an unused
// `@ts-expect-error`, which is an error of its own.

const URL = "http://127.0.0.1:9001";

Deno.test("defineGateway gives back what it was given", () => {
  const config: GatewayConfig<"users"> = { upstreams: { users: { url: URL } }, routes: {} };
  assertStrictEquals(defineGateway(config), config);
});

Deno.test("all that a config may say compiles", () => {
  defineGateway({
    store: ":memory:",
    maxRequestBody: "1MiB",
    cors: { origins: ["*"], credentials: false },
    upstreams: {
      users: {
        url: { env: "USERS_URL" },
        timeout: "400ms",
        maxBody: "0.5GiB",
        headers: { authorization: { env: "TOKEN" }, "x-a": "b" },
      },
      rows: {
        source: (call, ctx) => Promise.resolve(json([call.path, ctx.deadline])),
        timeout: "1h",
      },
    },
    routes: {
      "GET /home/:id": {
        deadline: "1s",
        gather: {
          a: { from: "users", path: "/users/{id}", optional: true, timeout: "5m" },
          b: { from: "rows", method: "POST", body: { a: [1, null, "{id}"] }, as: "text" },
          c: { from: "users", params: { n: 1, l: ["a"] }, headers: { a: "{id}" }, otherwise: [] },
        },
      },
      "ANY /a/*": { forward: "users" },
      "DELETE /b/*": { forward: { to: "rows", strip: "/b" }, deadline: "2s" },
    },
  });
});

/** What only a pool can do. */
class Pool {
  ask(path: string): Promise<string[]> {
    return Promise.resolve([path]);
  }
  end(): Promise<void> {
    return Promise.resolve();
  }
}

Deno.test("what open gives is known in source and close", () => {
  defineGateway({
    upstreams: {
      plain: { url: URL },
      bare: { source: (call) => Promise.resolve(json(call.path)) },
      pool: defineUpstream({
        open: () => new Pool(),
        source: async (call, ctx, pool) => {
          ctx.signal.throwIfAborted();
          return json(await pool.ask(call.path));
        },
        close: (pool) => pool.end(),
      }),
      later: defineUpstream({
        open: () => Promise.resolve(new Map([["a", 1]])),
        openAt: "start",
        timeout: "1s",
        source: ({ path }, _ctx, map) => Promise.resolve(json(map.get(path)?.toFixed())),
      }),
    },
    routes: { "GET /": { gather: { a: { from: "pool" }, b: { from: "later" } } } },
  });
});

Deno.test("a wrong use of what open gives is an error in the editor", () => {
  defineGateway({
    upstreams: {
      pool: defineUpstream({
        open: () => new Pool(),
        // @ts-expect-error a pool has no query
        source: async (_call, _ctx, pool) => json(await pool.query("")),
        // @ts-expect-error a pool has no close
        close: (pool) => pool.close(),
      }),
      // @ts-expect-error it opens at use or at the start
      never: { open: () => new Pool(), openAt: "never", source: () => Promise.resolve(json(1)) },
    },
    // @ts-expect-error there is no upstream "pol"
    routes: { "GET /": { forward: "pol" } },
  });
});

Deno.test("an unknown upstream is an error in the editor", () => {
  defineGateway({
    upstreams: { users: { url: URL } },
    routes: {
      // @ts-expect-error there is no upstream "user"
      "GET /a": { gather: { a: { from: "user" } } },
      // @ts-expect-error there is no upstream "user"
      "GET /b": { forward: "user" },
      // @ts-expect-error there is no upstream "user"
      "GET /c": { forward: { to: "user" } },
    },
  });
});

Deno.test("a wrong duration or size is an error in the editor", () => {
  const _right: (Duration | Size)[] = ["250ms", "2s", "5m", "1h", "1.5s", "1B", "64KiB", "1GiB"];
  defineGateway({
    // @ts-expect-error MB is no unit
    maxRequestBody: "1MB",
    upstreams: {
      // @ts-expect-error sec is no unit
      users: { url: URL, timeout: "4 sec" },
      // @ts-expect-error a number has no unit
      orders: { url: URL, timeout: 400 },
      // @ts-expect-error a size is no duration
      rows: { source: () => Promise.resolve(json(1)), timeout: "4MiB" },
    },
    routes: {
      // @ts-expect-error d is no unit
      "GET /a": { forward: "users", deadline: "1d" },
      // @ts-expect-error an empty text is no duration
      "GET /b": { gather: { a: { from: "users", timeout: "" } } },
    },
  });
});

Deno.test("a misspelt key is an error in the editor", () => {
  defineGateway({
    upstreams: { users: { url: URL } },
    routes: {},
    // @ts-expect-error it is called cors
    cor: { origins: [] },
  });
  defineGateway({
    upstreams: {
      // @ts-expect-error it is called timeout
      users: { url: URL, timout: "1s" },
      // @ts-expect-error it is called maxBody
      rows: { source: () => Promise.resolve(json(1)), maxbody: "1B" },
    },
    routes: {
      // @ts-expect-error it is called deadline
      "GET /a": { forward: "users", dedline: "1s" },
      // @ts-expect-error it is called optional
      "GET /b": { gather: { a: { from: "users", optinal: true } } },
      // @ts-expect-error it is called strip
      "GET /c": { forward: { to: "users", stripp: "/c" } },
    },
  });
});

Deno.test("a wrong route key is an error in the editor", () => {
  // One each: the compiler tells of the first key of an object that should not be there.
  const _routes: GatewayConfig<"users">["routes"][] = [
    { "GET /a": { forward: "users" }, "ANY /": { forward: "users" } },
    // @ts-expect-error no such method
    { "FETCH /a": { forward: "users" } },
    // @ts-expect-error methods are in capitals
    { "get /a": { forward: "users" } },
    // @ts-expect-error HEAD is answered by GET
    { "HEAD /a": { forward: "users" } },
    // @ts-expect-error a path begins with a slash
    { "GET a": { forward: "users" } },
    // @ts-expect-error the method is missing
    { "/a": { forward: "users" } },
  ];
});

Deno.test("a part that cannot be is an error in the editor", () => {
  const _parts: Part[] = [
    // @ts-expect-error a part asks some upstream
    {},
    // @ts-expect-error a path begins with a slash
    { from: "users", path: "users" },
    // @ts-expect-error ANY is no method to ask with
    { from: "users", method: "ANY" },
    // @ts-expect-error JSON is what a part answers without it
    { from: "users", as: "json" },
    // @ts-expect-error a function is not JSON
    { from: "users", otherwise: () => 1 },
    // @ts-expect-error a header is a text
    { from: "users", headers: { a: 1 } },
  ];
});

Deno.test("a route or an upstream that is neither this nor that is an error in the editor", () => {
  defineGateway({
    upstreams: {
      // @ts-expect-error it needs a url or a source
      users: {},
      // @ts-expect-error a secret is { env: … }
      orders: { url: { environment: "URL" } },
      // @ts-expect-error a source answers with a reply
      rows: { source: () => Promise.resolve({ rows: [] }) },
    },
    routes: {
      // @ts-expect-error it needs gather or forward
      "GET /a": {},
      // @ts-expect-error a prefix begins with a slash
      "GET /b/*": { forward: { to: "users", strip: "b" } },
    },
  });
});
