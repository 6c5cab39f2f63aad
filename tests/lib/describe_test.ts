import { assertEquals } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/define.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { describe } from "../../lib/describe.ts";
import { json } from "../../lib/reply.ts";

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
  deadline 1s, worst case 900ms
  profile (required): accept json → coalesce → timeout 250ms → buffer 4MiB → GET users
  note (optional): accept text → coalesce → timeout 400ms → buffer 4MiB → POST users
  rows (optional): accept json → coalesce → timeout 900ms → buffer 64KiB → GET rows

ANY /users/*
  deadline 10s, worst case 400ms
  forward users: timeout 400ms`,
  );
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
    "  deadline 1500ms, worst case 1500ms",
    "  deadline 2s, worst case 2s",
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
  deadline 10s, worst case 2400ms
  a (required; after b): map → pages 4 → pick → ${stack}
  b (required): pages 2 → ${stack}

GET /b
  deadline 1s, worst case 1s
  a (required): pages 4 → ${stack}`,
  );
});

Deno.test("a gateway without routes is described too", () => {
  assertEquals(describeConfig({ upstreams: {}, routes: {} }), "upstreams: 0, routes: 0");
});
