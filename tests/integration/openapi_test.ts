import { assert, assertEquals } from "@std/assert";
import { assertOpenApi } from "../support/check_openapi.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { OpenApiSchemas } from "../support/openapi_schemas.ts";
import { hang, refusingUrl, startUpstream } from "../support/upstream.ts";

const TOKEN = "the operator's own";

/** Responds as the path says: `/404` with that status, `/slow` never, `/pages` with a list of them. */
function respond(request: Request): Response | Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, word = ""] = pathname.split("/");
  if (word === "slow") return hang(request);
  if (word === "text") return new Response("some text");
  if (word === "empty") return new Response(null, { status: 204 });
  if (word === "html") return new Response("<p>", { headers: { "content-type": "text/html" } });
  if (word === "pages") {
    const page = Number(searchParams.get("page") ?? 1);
    const link = `</pages?page=${page + 1}>; rel="next"`;
    return Response.json([page], { headers: page < 3 ? { link } : {} });
  }
  if (/^[45]\d\d$/.test(word)) return Response.json({ error: word }, { status: Number(word) });
  return Response.json({ word, ids: [1, 2] });
}

function start(url: string, options: TestGatewayOptions = {}, isPublic = false): TestGateway {
  const one = (path: `/${string}`, keys = {}) => ({ from: "up", path, ...keys });
  return startGateway({
    upstreams: { up: { url }, gone: { url: refusingUrl() } },
    limits: { few: { rate: "1/h", burst: 1, by: "all" } },
    openapi: { title: "Test", public: isPublic },
    maxRequestBody: "1KiB",
    routes: {
      "GET /home/:word": {
        gather: {
          one: one("/{word}"),
          text: one("/text", { as: "text" }),
          empty: one("/empty", { as: "text" }),
          list: one("/{item}", { each: "{query.ids*}", max: 5, optional: true }),
          pages: one("/pages", { pages: { next: "link" } }),
          bad: one("/500", { otherwise: { a: [1] } }),
          gone: { from: "gone", optional: true },
          after: one("/{one.ids}", { optional: true }),
        },
      },
      "GET /with/:word": {
        gather: { it: one("/{word}", { headers: { authorization: "{header.authorization}" } }) },
      },
      "GET /required/:word": {
        gather: { it: one("/{word}"), then: one("/x", { needs: ["it"] }) },
      },
      "GET /late": { gather: { it: one("/slow", { timeout: "50ms" }) } },
      "GET /cached": { cache: { ttl: "1m" }, gather: { it: one("/x") } },
      "GET /few": { limit: "few", gather: { it: one("/x") } },
      "GET /first": { first: { a: one("/500"), b: one("/x") } },
      "GET /lost": { first: { a: one("/500"), b: one("/html") } },
      "GET /quorum": { quorum: 1, gather: { a: one("/500"), b: one("/x"), c: one("/slow") } },
      "POST /body": {
        gather: {
          it: one("/{body.word}", { method: "POST", body: { x: "{body.x}" } }),
          list: one("/{item}", { each: "{body.ids}", max: 2 }),
        },
      },
      "ANY /files/*": { forward: { to: "up", strip: "/files" } },
      "GET /gone/*": { forward: "gone" },
      "POST /batch": { batch: { max: 3 } },
    },
  }, options);
}

interface Sent {
  readonly path: string;
  /** The path as the document has it. */
  readonly of: string;
  readonly status: number;
  readonly init?: RequestInit;
}

const accept = (type: string) => ({ headers: { accept: type } });
const post = (body: unknown, headers = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: typeof body === "string" ? body : JSON.stringify(body),
});
const NDJSON = "application/x-ndjson";
const BATCH = {
  requests: [{ path: "/first" }, { path: "/files/text" }, { path: "/nowhere", method: "PUT" }],
};

const SENT: readonly Sent[] = [
  { of: "/home/{word}", path: "/home/x?ids=1&ids=500", status: 200 },
  { of: "/home/{word}", path: "/home/x", status: 200, init: accept(NDJSON) },
  { of: "/home/{word}", path: "/home/x?ids=404", status: 200, init: accept(NDJSON) },
  { of: "/home/{word}", path: "/home/x", status: 200, init: accept("text/event-stream") },
  {
    of: "/home/{word}",
    path: "/home/x",
    status: 502,
    init: { headers: { prefer: "handling=strict" } },
  },
  { of: "/home/{word}", path: "/home/x?ids=1&ids=2&ids=3&ids=4&ids=5&ids=6", status: 400 },
  ...[400, 404, 409, 410, 422, 451].map((status) => (
    { of: "/required/{word}", path: `/required/${status}`, status }
  )),
  { of: "/required/{word}", path: "/required/429", status: 503 },
  { of: "/required/{word}", path: "/required/500", status: 502 },
  { of: "/required/{word}", path: "/required/html", status: 502 },
  { of: "/late", path: "/late", status: 504 },
  { of: "/late", path: "/late", status: 504, init: accept(NDJSON) },
  { of: "/with/{word}", path: "/with/401", status: 401 },
  { of: "/with/{word}", path: "/with/403", status: 403 },
  { of: "/cached", path: "/cached", status: 200 },
  { of: "/few", path: "/few", status: 200 },
  { of: "/few", path: "/few", status: 429 },
  { of: "/first", path: "/first", status: 200 },
  { of: "/first", path: "/first", status: 200, init: accept(NDJSON) },
  { of: "/lost", path: "/lost", status: 502 },
  { of: "/quorum", path: "/quorum", status: 200 },
  { of: "/body", path: "/body", status: 200, init: post({ word: "x", ids: [1, 2] }) },
  { of: "/body", path: "/body", status: 400, init: post({ word: "x" }) },
  { of: "/body", path: "/body", status: 400, init: post({ ids: [] }) },
  { of: "/body", path: "/body", status: 400, init: post({ word: "x", ids: [1, 2, 3] }) },
  { of: "/body", path: "/body", status: 400, init: post("{") },
  { of: "/body", path: "/body", status: 413, init: post("x".repeat(2000)) },
  { of: "/files/{rest}", path: "/files/text", status: 200 },
  { of: "/files/{rest}", path: "/files/404", status: 404 },
  { of: "/files/{rest}", path: "/files/", status: 200, init: post({}) },
  { of: "/gone/{rest}", path: "/gone/a/b", status: 502 },
  { of: "/batch", path: "/batch", status: 200, init: post(BATCH) },
  { of: "/batch", path: "/batch", status: 200, init: post(BATCH, { accept: NDJSON }) },
  { of: "/batch", path: "/batch", status: 400, init: post({ requests: [{}] }) },
];

async function documentOf(gateway: TestGateway): Promise<Record<string, unknown>> {
  return await (await fetch(`${gateway.url}/_gateway/openapi.json`)).json();
}

Deno.test("openapi: what a running gateway responds is as its document says", async () => {
  await using upstream = startUpstream(respond);
  await using gateway = start(upstream.url);
  const document = await documentOf(gateway);
  await assertOpenApi(document, "the gateway's document");
  const schemas = new OpenApiSchemas(document);
  for (const { path, of, status, init = {} } of SENT) {
    const method = (init.method ?? "GET").toLowerCase();
    const what = `${method} ${path} ${JSON.stringify(init.headers ?? {})}`;
    const response = await fetch(gateway.url + path, init);
    const text = await response.text();
    assertEquals(response.status, status, `${what}: ${text}`);
    const described = schemas.response(of, method, status);
    schemas.assertDescribes(described, response.headers.get("content-type"), text, what);
    const isGathered = !/^\/(?:files|gone)/.test(of);
    if (isGathered) assert(!described.endsWith("/default"), `${what}: ${described}`);
  }
});

Deno.test("openapi: a wrong response is not what the document says", () => {
  const schemas = new OpenApiSchemas({
    paths: {
      "/a": { get: { responses: { 200: { content: { "a/b": { schema: { type: "string" } } } } } } },
    },
  });
  const described = schemas.response("/a", "get", 200);
  schemas.assertValid(described, "a/b", "x", "right");
  let isHeld = false;
  try {
    schemas.assertValid(described, "a/b", 1, "wrong");
  } catch {
    isHeld = true;
  }
  assert(isHeld);
});

Deno.test("openapi: 304 is described where responses have an ETag", async () => {
  await using upstream = startUpstream(respond);
  await using gateway = start(upstream.url);
  const schemas = new OpenApiSchemas(await documentOf(gateway));
  const first = await fetch(`${gateway.url}/cached`);
  await first.body?.cancel();
  const etag = first.headers.get("etag");
  assert(etag !== null);
  const { status } = await fetch(`${gateway.url}/cached`, { headers: { "if-none-match": etag } });
  assertEquals(status, 304);
  assert(schemas.response("/cached", "get", 304).endsWith("/304"));
});

Deno.test("openapi: the document is the operator's, unless the config makes it public", async () => {
  await using upstream = startUpstream(respond);
  await using closed = start(upstream.url, { adminToken: TOKEN });
  await using open = start(upstream.url, { adminToken: TOKEN }, true);
  const statusOf = async (gateway: TestGateway, method = "GET", headers = {}) => {
    const response = await fetch(`${gateway.url}/_gateway/openapi.json`, { method, headers });
    await response.body?.cancel();
    return response.status;
  };
  const authorization = `Bearer ${TOKEN}`;
  assertEquals(await statusOf(closed), 401);
  assertEquals(await statusOf(closed, "GET", { authorization }), 200);
  assertEquals(await statusOf(open), 200);
  assertEquals(await statusOf(open, "HEAD"), 200);
  assertEquals(await statusOf(open, "GET", { origin: "https://app.example" }), 200);
});
