import { assertEquals } from "@std/assert";
import type { RouteMethod } from "../../lib/config/route.ts";
import { allowedMethods, bySpecificity, type Routed } from "../../routes/route_table.ts";

function routed(key: string): Routed {
  const [word = "", path = ""] = key.split(" ");
  const methods: readonly RouteMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE", "ANY"];
  const method = methods.find((method) => method === word);
  if (method === undefined) throw new Error(`${word} is no method of a route`);
  return { method, path };
}

function keys(routes: readonly Routed[]): string[] {
  return routes.map(({ method, path }) => `${method} ${path}`);
}

/** Every order of some things. */
function orders<T>(things: readonly T[]): T[][] {
  if (things.length === 0) return [[]];
  return things.flatMap((thing, index) =>
    orders(things.toSpliced(index, 1)).map((rest) => [thing, ...rest])
  );
}

for (
  const ordered of [
    ["GET /users/me", "GET /users/:id", "GET /users/*", "GET /*"],
    ["GET /a/b/c", "GET /a/b/:c", "GET /a/:b/c", "GET /:a/b/c", "GET /:a/*"],
    ["GET /users", "GET /users/*"],
    ["GET /users", "ANY /users", "GET /users/*", "ANY /users/*"],
    ["GET /:id", "GET /:id/*", "GET /*"],
    ["GET /", "GET /*"],
    ["GET /a", "ANY /a"],
    ["POST /a/:b", "ANY /a/:b", "POST /a/*", "ANY /a/*"],
    ["GET /a/b/*", "GET /a/:x/c", "GET /a/*"],
  ]
) {
  Deno.test(`whatever their place, these match in this order: ${ordered.join(", ")}`, () => {
    for (const order of orders(ordered)) {
      assertEquals(keys(bySpecificity(order.map(routed))), ordered, order.join(", "));
    }
  });
}

Deno.test("routes that were given stay as they are", () => {
  const given = ["GET /*", "GET /a"].map(routed);
  bySpecificity(given);
  assertEquals(keys(given), ["GET /*", "GET /a"]);
});

const ROUTES = [
  "GET /users/:id",
  "POST /users",
  "DELETE /users/*",
  "ANY /any/*",
  "PUT /a.b",
  "PATCH /:x/y/",
].map(routed);

for (
  const [path, allowed] of [
    ["/users/7", ["DELETE", "GET", "HEAD", "OPTIONS"]],
    ["/users", ["DELETE", "OPTIONS", "POST"]],
    ["/users/", ["DELETE", "OPTIONS"]],
    ["/users/7/8", ["DELETE", "OPTIONS"]],
    ["/users/a\nb", ["DELETE", "GET", "HEAD", "OPTIONS"]],
    ["/users/a\u2028b/c", ["DELETE", "OPTIONS"]],
    ["/any", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]],
    ["/any/", ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]],
    ["/anybody", []],
    ["/a.b", ["OPTIONS", "PUT"]],
    ["/axb", []],
    ["/x/y/", ["OPTIONS", "PATCH"]],
    ["/x/y", []],
    ["//y/", []],
    ["/Users", []],
    ["/", []],
  ] as const
) {
  Deno.test(`${JSON.stringify(path)} allows ${allowed.join(", ") || "nothing"}`, () => {
    assertEquals(allowedMethods(ROUTES)(path).toSorted(), [...allowed]);
  });
}
