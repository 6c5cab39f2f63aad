import { assertEquals } from "@std/assert";
import { parseRouteKey } from "../../../lib/config/route_key.ts";

const KEYS: readonly (readonly [string, readonly string[]])[] = [
  ["GET /", []],
  ["GET /users", []],
  ["GET /users/", []],
  ["POST /users/:id", ["id"]],
  ["PUT /:a/x/:b_2", ["a", "b_2"]],
  ["PATCH /a.b/c-d/~e", []],
  ["DELETE /users/:id/*", ["id"]],
  ["ANY /*", []],
  ["GET /_gatewayx", []],
  ["GET /a/_gateway", []],
  ["GET /a/..b/c...", []],
  ["GET /!$&'()+,;=@", []],
];

for (const [key, params] of KEYS) {
  Deno.test(`"${key}" is a route`, () => {
    const pattern = parseRouteKey(key);
    if (typeof pattern === "string") throw new Error(pattern);
    assertEquals(`${pattern.method} ${pattern.path}`, key);
    assertEquals(pattern.params, params);
  });
}

const SHAPE = 'must be a method and a path, such as "GET /users/:id"';
const METHODS = "must begin with GET, POST, PUT, PATCH, DELETE, ANY";
const OWN = "must not begin with /_gateway/, which is the gateway's own";

const WRONG: readonly (readonly [string, string])[] = [
  ["", SHAPE],
  ["/users", SHAPE],
  ["GET", SHAPE],
  ["GET users", SHAPE],
  ["get /users", SHAPE],
  ["GET  /users", SHAPE],
  [" GET /users", SHAPE],
  ["GET /users ", SHAPE],
  ["GET /a b", SHAPE],
  ["GET /a\n", SHAPE],
  ["FETCH /users", METHODS],
  ["TRACE /users", METHODS],
  ["HEAD /users", "HEAD is answered by the GET route"],
  ["OPTIONS /users", "OPTIONS is answered by the gateway"],
  ["GET /_gateway", OWN],
  ["GET /_gateway/", OWN],
  ["ANY /_gateway/health", OWN],
  ["GET /a//b", "must have no empty segment"],
  ["GET //", "must have no empty segment"],
  ["GET /*/a", 'must have "*" at its end only'],
  ["GET /a*", '"a*" holds a character no path may'],
  ["GET /:", '":" must be ":" and a name'],
  ["GET /:1a", '":1a" must be ":" and a name'],
  ["GET /:a-b", '":a-b" must be ":" and a name'],
  ["GET /:id?", '":id?" must be ":" and a name'],
  ["GET /:id{[0-9]+}", '":id{[0-9]+}" must be ":" and a name'],
  ["GET /:query", '":query" must not take a reserved name'],
  ["GET /:header", '":header" must not take a reserved name'],
  ["GET /:body", '":body" must not take a reserved name'],
  ["GET /:item", '":item" must not take a reserved name'],
  ["GET /:a/:a", "must not use :a twice"],
  ["GET /./a", 'must have no segment "." or ".."'],
  ["GET /a/..", 'must have no segment "." or ".."'],
  ["GET /a?b", '"a?b" holds a character no path may'],
  ["GET /a#b", '"a#b" holds a character no path may'],
  ["GET /a%20b", '"a%20b" holds a character no path may'],
  ["GET /é", '"é" holds a character no path may'],
  ["GET /a:b", '"a:b" holds a character no path may'],
  ["GET /{id}", '"{id}" holds a character no path may'],
];

for (const [key, rule] of WRONG) {
  Deno.test(`${JSON.stringify(key)} breaks a rule`, () => {
    assertEquals(parseRouteKey(key), rule);
  });
}
