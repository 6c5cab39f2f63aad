import { assertEquals } from "@std/assert";
import { Exchange } from "../../middleware/exchange.ts";
import { Router } from "../../routes/router.ts";

const router = new Router<string>();
for (
  const [method, path] of [
    ["GET", "/users/me"],
    ["GET", "/users/:id"],
    ["ANY", "/users/:id/:file"],
    ["POST", "/files/*"],
  ] as const
) router.add({ method, path }, `${method} ${path}`);

for (
  const [method, path, matched, params] of [
    ["GET", "/users/me", "GET /users/me", {}],
    ["HEAD", "/users/me", "GET /users/me", {}],
    ["GET", "/users/7?x=1", "GET /users/:id", { id: "7" }],
    ["GET", "/users/a%2Fb", "GET /users/:id", { id: "a/b" }],
    ["GET", "/users/%C3%A9", "GET /users/:id", { id: "é" }],
    ["GET", "/users/%ff", "GET /users/:id", { id: "%ff" }],
    ["DELETE", "/users/7/x", "ANY /users/:id/:file", { id: "7", file: "x" }],
    ["POST", "/files/a/b", "POST /files/*", {}],
    ["POST", "/users/7", undefined, {}],
    ["GET", "/nowhere", undefined, {}],
  ] as const
) {
  Deno.test(`${method} ${path} matches ${matched}`, () => {
    const c = new Exchange(new Request(`http://gateway.example${path}`, { method }), {
      remoteAddress: "192.0.2.1",
      scheme: "http",
      completed: Promise.resolve(),
    });
    assertEquals([router.match(c), c.params], [matched, params]);
  });
}
