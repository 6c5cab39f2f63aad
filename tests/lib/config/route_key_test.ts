import { assertEquals } from "@std/assert";
import { parseRouteKey } from "../../../lib/config/route_key.ts";

const ALLOWED = "must have only letters, digits and ._~!$&'()+,;=@-";

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
const METHODS = "must start with one of GET, POST, PUT, PATCH, DELETE, QUERY, OPTIONS, ANY";
const OWN = "must not start with /_gateway/, which is reserved";

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
  ["HEAD /users", "must not be HEAD, which the GET route handles"],
  ["GET /_gateway", OWN],
  ["GET /_gateway/", OWN],
  ["ANY /_gateway/health", OWN],
  ["GET /a//b", "must not have an empty segment"],
  ["GET //", "must not have an empty segment"],
  ["GET /*/a", 'must have "*" only at its end'],
  ["GET /a*", `"a*" ${ALLOWED}`],
  ["GET /:", '":" must be ":" followed by a name'],
  ["GET /:1a", '":1a" must be ":" followed by a name'],
  ["GET /:a-b", '":a-b" must be ":" followed by a name'],
  ["GET /:id?", '":id?" must be ":" followed by a name'],
  ["GET /:id{[0-9]+}", '":id{[0-9]+}" must be ":" followed by a name'],
  ["GET /:query", '":query" must not be a reserved name'],
  ["GET /:header", '":header" must not be a reserved name'],
  ["GET /:body", '":body" must not be a reserved name'],
  ["GET /:item", '":item" must not be a reserved name'],
  ["GET /:a/:a", "must not use :a twice"],
  ["GET /./a", 'must not have a segment "." or ".."'],
  ["GET /a/..", 'must not have a segment "." or ".."'],
  ["GET /a?b", `"a?b" ${ALLOWED}`],
  ["GET /a#b", `"a#b" ${ALLOWED}`],
  ["GET /a%20b", `"a%20b" ${ALLOWED}`],
  ["GET /é", `"é" ${ALLOWED}`],
  ["GET /a:b", `"a:b" ${ALLOWED}`],
  ["GET /{id}", `"{id}" ${ALLOWED}`],
];

for (const [key, rule] of WRONG) {
  Deno.test(`${JSON.stringify(key)} breaks a rule`, () => {
    assertEquals(parseRouteKey(key), rule);
  });
}
