import { assert, assertEquals, assertGreater } from "@std/assert";
import postgres from "../../../examples/postgres/gateway.config.ts";
import sqlite from "../../../examples/sqlite/gateway.config.ts";
import starter from "../../../examples/starter/gateway.config.ts";
import worker from "../../../examples/worker/gateway.config.ts";
import demo from "../../../gateway.config.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { openApiDocument } from "../../../lib/openapi/openapi.ts";
import { assertOpenApi } from "../../support/check_openapi.ts";
import { Random } from "../../support/random.ts";
import { randomRoutes } from "../../support/random_routes.ts";

// deno-lint-ignore no-explicit-any -- a document whose members each test names
type Document = any;

const PLACE = { url: new URL(import.meta.url), hasFile: () => true };

function documentOf(config: unknown): Document {
  const document = openApiDocument(parseConfig(config, () => "x", PLACE));
  return JSON.parse(JSON.stringify(document));
}

/** The document of routes over an upstream `up`. */
function of(routes: Record<string, unknown>, more: Record<string, unknown> = {}): Document {
  return documentOf({ upstreams: { up: { url: "http://127.0.0.1:9" } }, ...more, routes });
}

const part = (keys: Record<string, unknown> = {}) => ({ from: "up", ...keys });
const gather = (keys: Record<string, unknown> = {}) => ({ gather: { a: part(keys) } });

for (const [name, config] of Object.entries({ demo, postgres, sqlite, starter, worker })) {
  Deno.test(`openapi: the document of the ${name} config is valid`, async () => {
    const document = documentOf(config);
    assertGreater(Object.keys(document.paths).length, 0);
    await assertOpenApi(document, name);
  });
}

Deno.test("openapi: the documents of generated configs are valid", async () => {
  const seed = Number(Deno.env.get("SEED") ?? 16);
  const random = new Random(seed);
  let checked = 0;
  for (let count = 0; count < 150; count++) {
    const config = randomRoutes(random);
    let document: Document;
    try {
      document = documentOf(config);
    } catch (error) {
      if (error instanceof ConfigError) continue; // two routes that match the same requests, for example
      throw error;
    }
    await assertOpenApi(document, `seed ${seed}: ${JSON.stringify(config)}`);
    checked++;
  }
  assertGreater(checked, 30, "enough of them are valid configs");
});

Deno.test("openapi: a document without routes is valid", async () => {
  await assertOpenApi(of({}), "no routes");
});

Deno.test("openapi: ANY is each method that no other route of its path has", () => {
  const { paths } = of({ "ANY /a": { forward: "up" }, "PUT /a": gather() });
  const item = paths["/a"];
  assertEquals(Object.keys(item), ["get", "post", "put", "patch", "delete"]);
  assertEquals(item.put.summary, "PUT /a");
  assertEquals(item.get.summary, "ANY /a");
  const ids = Object.values<Document>(item).map(({ operationId }) => operationId);
  assertEquals(ids, ["getA", "postA", "putA", "patchA", "deleteA"]);
  assertEquals([item.get.requestBody, item.post.requestBody.required], [undefined, false]);
});

Deno.test("openapi: paths that differ only in their parameters' names are one path", () => {
  const { paths } = of({
    "GET /users/:id": gather({ path: "/{id}" }),
    "PUT /users/:name": gather({ path: "/{name}" }),
    "GET /users/me": gather(),
  });
  assertEquals(Object.keys(paths), ["/users/{id}", "/users/me"]);
  const names = paths["/users/{id}"].put.parameters.map(({ name }: Document) => name);
  assertEquals(names.slice(0, 1), ["id"]);
});

Deno.test("openapi: a wildcard is {rest}, and gives way to a more specific route", () => {
  const { paths } = of({
    "ANY /files/*": { forward: "up" },
    "GET /files/:id": gather({ path: "/{id}" }),
    "GET /:rest/x/*": { forward: "up" },
  });
  assertEquals(Object.keys(paths), [
    "/files/{id}",
    "/{rest}/x",
    "/files",
    "/{rest}/x/{rest_}",
  ]);
  assertEquals(paths["/files"].get.summary, "ANY /files/*");
  const { get, post } = paths["/files/{id}"];
  assertEquals([get.summary, get.description], [
    "GET /files/:id",
    "Longer paths go to `ANY /files/*`.",
  ]);
  assertEquals(get.parameters[0].description, undefined);
  assertEquals(post.summary, "ANY /files/*");
  assert(post.parameters[0].description.startsWith("The rest of the path"));
});

Deno.test("openapi: parameters are what templates read of query and headers", () => {
  const { paths } = of({
    "GET /a/:id": {
      gather: {
        a: part({ path: "/{id}/{query.page}{?query.lang}", params: { x: "{query.tag*}" } }),
        b: part({ path: "/{item}", each: "{query.ids}", max: 7 }),
        c: part({ headers: { "x-a": "{header.X-A}", authorization: "{header.authorization}" } }),
        d: part({ params: "{query}", path: "/x?y={query.y}" }),
      },
    },
  });
  const { parameters } = paths["/a/{id}"].get;
  const told = parameters.map(({ $ref, name, in: place, required, schema }: Document) =>
    $ref ?? [place, name, required, schema.maxItems ?? schema.type]
  );
  assertEquals(told, [
    ["path", "id", true, "string"],
    "#/components/parameters/Prefer",
    ["query", "page", true, "string"],
    ["query", "lang", false, "string"],
    ["query", "tag", false, "array"],
    ["query", "ids", false, 7],
    ["query", "y", true, "string"],
    ["query", "query", undefined, "object"],
    ["header", "x-a", false, "string"],
  ]);
});

Deno.test("openapi: the body is what templates read of it", () => {
  const { paths } = of({
    "POST /a": {
      gather: {
        a: part({
          path: "/{body.user.id}",
          method: "POST",
          body: { x: "{body.user.address.city}", y: "{body.tags}", z: "{body.list.0}" },
        }),
        b: part({ path: "/{item}", each: "{body.ids}", max: 7 }),
      },
    },
    "POST /b": gather({ method: "POST", body: "{body.b}" }),
    "POST /c": gather(),
  });
  assertEquals(paths["/a"].post.requestBody, {
    required: true,
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["user", "ids"],
          properties: {
            user: {
              type: "object",
              required: ["id"],
              properties: {
                id: {},
                address: { type: "object", properties: { city: {} } },
              },
            },
            tags: {},
            list: {},
            ids: { type: "array", maxItems: 7 },
          },
        },
      },
    },
  });
  assertEquals(paths["/b"].post.requestBody.required, false);
  assertEquals(paths["/c"].post.requestBody, undefined);
});

Deno.test("openapi: the data of each kind of part", () => {
  const map = (data: unknown) => data;
  const { paths } = of({
    "GET /": {
      gather: {
        json: part(),
        text: part({ as: "text" }),
        mapped: part({ as: "text", map }),
        list: part({ path: "/{item}", each: "{query.ids}", max: 3 }),
        pages: part({ pages: { next: "link" } }),
        optional: part({ optional: true }),
        fallback: part({ as: "text", otherwise: "none" }),
        big: part({ otherwise: 12345678901234567890n }),
      },
    },
    "GET /first": { first: { a: part(), b: part() } },
    "GET /quorum": { quorum: 1, gather: { a: part(), b: part() } },
  });
  const dataOf = (path: string) =>
    paths[path].get.responses[200].content["application/json"].schema.properties.data;
  const { required, properties } = dataOf("/");
  assertEquals(required.length, 8);
  const { json, text, mapped, list, pages, optional, fallback, big } = properties;
  assertEquals([json, mapped], [{}, {}]);
  assertEquals(text, { type: ["string", "null"] });
  assertEquals(list, { type: "array", maxItems: 3, items: {} });
  assertEquals(pages, { type: "array" });
  assertEquals(optional, { description: "Optional: null if the part failed." });
  assertEquals(fallback.anyOf, [text, { const: "none" }]);
  assertEquals(big.description, "Optional: 12345678901234567890 if the part failed.");
  assertEquals(dataOf("/first"), { description: "The first success of a, b." });
  assertEquals(dataOf("/quorum").required, undefined);
});

Deno.test("openapi: limits, caches, clients and credentials show in operations", () => {
  const routes = {
    "GET /a": { ...gather({ headers: { authorization: "{header.authorization}" } }), limit: "it" },
    "GET /b": { ...gather(), cache: { ttl: "1m" } },
    "GET /c": { forward: "up" },
  };
  const limits = { it: { rate: "100/min", burst: 20 } };
  const clients = { key: "header:x-api-key", known: "kv" };
  const { paths, components } = of(routes, { limits, clients: { ...clients, required: true } });
  const { get: a } = paths["/a"];
  assertEquals(a.description, "Takes 1 of it (100/min, burst 20).");
  assert(a.responses[200].headers["RateLimit-Policy"]);
  assert(a.responses[403], "an upstream may refuse the client's credentials");
  assertEquals(a.security, [{ clientKey: [], authorization: [] }, { clientKey: [] }]);
  const { get: b } = paths["/b"];
  assert(b.responses[304] && b.responses[200].headers.ETag && b.responses[401]);
  assertEquals([b.responses[403], b.responses[200].headers.RateLimit], [undefined, undefined]);
  assertEquals(components.securitySchemes.clientKey, {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "The client's key.",
  });
  assertEquals(Object.keys(paths["/c"].get.responses), ["401", "429", "2XX", "default"]);

  const optional = of(routes, { limits, clients: { ...clients, key: "bearer" } });
  assertEquals(optional.paths["/b"].get.security, [{ clientKey: [] }, {}]);
  assertEquals(optional.components.securitySchemes.clientKey.scheme, "bearer");
  assertEquals(of(routes, { limits }).paths["/b"].get.security, undefined);
});

Deno.test("openapi: nothing of upstreams shows", () => {
  const text = JSON.stringify(
    documentOf({
      upstreams: {
        hidden: { url: "http://hidden.example/base", headers: { "x-secret": "hunter2" } },
      },
      routes: {
        "GET /a": {
          gather: { a: { from: "hidden", path: "/inner", headers: { "x-own": "hunter3" } } },
        },
        "GET /b/*": { forward: "hidden" },
      },
    }),
  );
  for (const word of ["hidden", "inner", "base", "x-secret", "hunter"]) {
    assert(!text.includes(word), word);
  }
});

Deno.test("openapi: each way to authenticate is a sufficient alternative", async () => {
  const jwt = { issuer: "https://id.example/", audience: "api" };
  const auth = {
    users: { jwt },
    partners: { key: "header:X-Api-Key" },
    session: { external: { url: "http://127.0.0.1:9/check", headers: ["Cookie"] } },
  };
  const document = of({
    "GET /a": { auth: ["users", "partners", "session"], ...gather() },
    "GET /b": gather(),
  }, { auth });
  await assertOpenApi(document, "auth");
  assertEquals(document.paths["/a"].get.security, [
    { "auth.users": [] },
    { "auth.partners": [] },
    { "auth.session": [] },
  ]);
  assertEquals(document.components.securitySchemes, {
    "auth.users": { type: "http", scheme: "bearer", bearerFormat: "JWT" },
    "auth.partners": {
      type: "apiKey",
      in: "header",
      name: "x-api-key",
      description: "The client's key.",
    },
    "auth.session": { type: "apiKey", in: "header", name: "cookie" },
  });
  for (const status of ["401", "403"]) assert(document.paths["/a"].get.responses[status]);
  assertEquals(document.paths["/b"].get.security, undefined);
});
