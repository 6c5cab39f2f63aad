import { assertEquals } from "@std/assert";
import type { RouteMethod } from "../../lib/config/route.ts";
import { type Routed, RouteTree } from "../../routes/route_tree.ts";
import { property, type Random } from "../support/random.ts";
import {
  bySpecificity,
  specifiedMatch,
  specifiedMethods,
  specifiedParams,
} from "../support/route_specification.ts";

function routed(key: string): Routed {
  const [word = "", path = ""] = key.split(" ");
  const methods: readonly RouteMethod[] = [
    "GET",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "ANY",
  ];
  const method = methods.find((method) => method === word);
  if (method === undefined) throw new Error(`${word} is no method of a route`);
  return { method, path };
}

function treeOf<Route extends Routed>(routes: readonly Route[]): RouteTree<Route> {
  const tree = new RouteTree<Route>();
  for (const route of routes) tree.add(route, route);
  return tree;
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
    assertEquals(treeOf(ROUTES).allowed(path).toSorted(), [...allowed]);
  });
}

Deno.test("a path has a route whatever its method", () => {
  const tree = treeOf([routed("POST /users/:id"), routed("GET /a/*")]);
  const paths = ["/users/7", "/users", "/users/", "/a", "/a/b/c", "/"];
  assertEquals(paths.filter((path) => tree.has(path)), ["/users/7", "/a", "/a/b/c"]);
});

Deno.test("without a path: the methods of all routes", () => {
  assertEquals(treeOf(["GET /a", "PUT /b/*"].map(routed)).allMethods(), [
    "GET",
    "PUT",
    "HEAD",
    "OPTIONS",
  ]);
  assertEquals(treeOf([]).allMethods(), []);
});

Deno.test("parameters are decoded, each once", () => {
  const tree = treeOf([routed("GET /:a/b/:c")]);
  assertEquals(tree.match("GET", "/x%2Fy/b/%2520%zz")?.params, { a: "x/y", c: "%20%zz" });
});

Deno.test("a route named like a member of every object is found, and nothing else is", () => {
  const tree = treeOf([routed("GET /constructor/:id")]);
  assertEquals(tree.match("GET", "/constructor/1")?.params, { id: "1" });
  assertEquals(tree.match("GET", "/toString/1"), undefined);
});

const SEGMENTS = ["a", "b", "a.b", ":x", ":y", ":z"];
const METHODS = ["GET", "GET", "POST", "DELETE", "OPTIONS", "ANY"];

function anyRoute(random: Random): Routed {
  const segments = random.list(0, 4, () => random.pick(SEGMENTS));
  const end = random.pick(["", "", "/", "/*", "/*"]);
  const path = segments.map((segment) => `/${segment}`).join("") + end;
  return routed(`${random.pick(METHODS)} ${path || "/"}`);
}

function anyPath(random: Random): string {
  return `/${random.list(0, 5, () => random.pick(["a", "b", "a.b", "c", "", "\n"])).join("/")}`;
}

property("a tree finds what trying every route in turn finds", 400, (random) => {
  const routes = random.list(0, 25, () => anyRoute(random));
  const tree = treeOf(routes);
  for (let request = 0; request < 40; request++) {
    const path = anyPath(random);
    assertEquals(tree.allowed(path), specifiedMethods(routes, path), path);
    const method = random.pick(["GET", "HEAD", "POST", "PUT", "DELETE", "PURGE"]);
    const found = tree.match(method, path);
    const specified = specifiedMatch(routes, method, path);
    assertEquals(found?.value, specified, `${method} ${path}`);
    if (specified) assertEquals(found?.params, specifiedParams(specified, path));
  }
});
