import { assertEquals } from "@std/assert";
import type { Upstream } from "../../../lib/config/upstream.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { parseConfig } from "../../../lib/config/parse.ts";

function parse(key: string, websocket: unknown, upstream: Upstream = { url: "http://up.example" }) {
  const routes: Record<string, unknown> = { [key]: { forward: { to: "up", websocket } } };
  return parseConfig({ upstreams: { up: upstream }, routes }, () => undefined);
}

Deno.test("websocket: true has the defaults", () => {
  const [route] = parse("GET /live", true).routes;
  assertEquals(route && "to" in route && route.webSocket, {
    origins: undefined,
    maxMessage: 1024 * 1024,
    messages: undefined,
    idleTimeoutMs: 60_000,
  });
});

for (
  const [key, websocket, upstream, problem] of [
    ["GET /live", false, undefined, 'must be true, or an object such as { maxMessage: "64KiB" }'],
    ["POST /live", true, undefined, "must only be set on a route for GET, the method of WebSocket"],
    [
      "GET /live",
      true,
      { url: "http://up.example", transport: "fetch" },
      "must only be set for an upstream with a url",
    ],
    [
      "GET /live",
      true,
      { source: () => Promise.reject(new Error("not called")) },
      "must only be set for an upstream with a url",
    ],
    ["GET /live", { messages: 5 }, undefined, "must be a rate such as 50/s, or an object"],
    ["GET /live", { messages: "5" }, undefined, "must be a rate such as"],
    ["GET /live", { origins: ["app.example"] }, undefined, "must be an origin such as"],
    [
      "GET /live",
      { maxMesage: "1KiB" },
      undefined,
      'is not a known key; did you mean "maxMessage"?',
    ],
  ] as const
) {
  Deno.test(`websocket: ${JSON.stringify(websocket)} for ${key}: ${problem}`, () => {
    let message = "";
    try {
      parse(key, websocket, upstream);
    } catch (error) {
      if (error instanceof ConfigError) ({ message } = error);
    }
    assertEquals(message.includes(problem), true, message);
  });
}
