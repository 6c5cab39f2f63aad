import { assert, assertEquals, assertGreater } from "@std/assert";
import { ConfigError } from "../../lib/config/config_error.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { isRecord } from "../../lib/core/is_record.ts";
import { json } from "../../lib/json/json_reply.ts";
import { openApiDocument } from "../../lib/openapi/openapi.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { OpenApiSchemas } from "../support/openapi_schemas.ts";
import { Random } from "../support/random.ts";
import { randomRoutes } from "../support/random_routes.ts";

/** How many configs; `SEEDS=1000 deno test …` tries more, `SEED=7` one. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 25);
const ONE = Deno.env.get("SEED");

const BODIES = [{ ids: [1, "b"], x: { id: 7 } }, [1, 2], "text", 0, null];
const STATUSES = [200, 200, 200, 204, 301, 400, 401, 404, 409, 422, 429, 500, 503];
const SENT = [
  {},
  { a: { b: "c" }, tags: ["t"], list: [{ id: 1 }], ids: ["i", "j"] },
  { a: { b: 1 }, ids: "no list" },
];

/** Sends a random request to an operation of a document. */
async function send(
  gateway: TestGateway,
  random: Random,
  template: string,
  method: string,
): Promise<Response> {
  const path = template.replaceAll(/\{[^}]*\}/g, () => random.pick(["7", "x", "a%20b"]));
  const query = random.pick([
    "",
    "?lang=is",
    "?lang=a&lang=b",
    "?ids=1&ids=2&page=3&a%20b=4&tag=5",
  ]);
  const body = method === "GET" || random.bool(0.2) ? undefined : random.pick(SENT);
  return await fetch(gateway.url + path + query, {
    method,
    redirect: "manual",
    headers: {
      accept: random.pick(["application/json", "*/*", "application/x-ndjson", "text/event-stream"]),
      ...(random.bool() && { "x-a": "a header" }),
      ...(random.bool(0.2) && { prefer: "handling=strict" }),
      ...(body !== undefined && { "content-type": "application/json" }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

function operationsOf(document: { readonly paths: Readonly<Record<string, unknown>> }) {
  return Object.entries(document.paths).flatMap(([template, item]) =>
    isRecord(item) ? Object.keys(item).map((method) => [template, method] as const) : []
  );
}

function tryParse(config: unknown) {
  try {
    return parseConfig(config, () => undefined);
  } catch (error) {
    if (error instanceof ConfigError) return undefined; // such as two routes for the same requests
    throw error;
  }
}

Deno.test("openapi: what generated gateways respond is as their documents say", async () => {
  let sent = 0;
  const seen = new Set<number>();
  const seeds = ONE === undefined ? Array.from({ length: RUNS }, (_, seed) => seed) : [Number(ONE)];
  for (const seed of seeds) {
    const random = new Random(seed);
    const source = () => {
      const status = random.pick(STATUSES);
      return Promise.resolve(json(status === 204 ? "" : random.pick(BODIES), status));
    };
    const { clients: _all, ...config } = randomRoutes(random, { source });
    const settings = tryParse(config);
    if (settings === undefined) continue;
    const document = openApiDocument(settings);
    const schemas = new OpenApiSchemas(JSON.parse(JSON.stringify(document)));
    await using gateway = startGateway(config);
    for (const [template, method] of operationsOf(document)) {
      for (let again = 0; again < 3; again++) {
        const response = await send(gateway, random, template, method.toUpperCase());
        const text = await response.text();
        const { status, headers } = response;
        const what = `SEED=${seed}: ${method} ${template} is ${status}: ${text}`;
        const described = schemas.response(template, method, status);
        assert(described !== "#/components/responses/Problem", `${what}, which is not listed`);
        schemas.assertDescribes(described, headers.get("content-type"), text, what);
        sent++;
        seen.add(status);
      }
    }
    assertEquals(gateway.errors, [], `SEED=${seed}`);
  }
  if (ONE !== undefined) return;
  assertGreater(sent, 150);
  for (const status of [200, 400, 404, 502, 503]) assert(seen.has(status), String(status));
});
