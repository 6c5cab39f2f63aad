import type { Settings } from "../config/gateway.ts";
import { BATCH_SCHEMAS } from "./batch.ts";
import { type DocObject, type OpenApiDocument, ref } from "./document.ts";
import { RECORD_SCHEMA } from "./envelope.ts";
import { RESPONSE_HEADERS } from "./headers.ts";
import { operationOf } from "./operation.ts";
import { type PlacedOperation, placeRoutes } from "./path_items.ts";
import { PROBLEM_SCHEMAS, PROBLEM_TYPE, problemResponse } from "./problems.ts";
import { securitySchemes } from "./security.ts";
import { usedComponents } from "./used_components.ts";

const DESCRIPTION = "Errors are problem documents (RFC 9457): compare their `type`. " +
  "GET routes respond to HEAD, and every path to OPTIONS.";

/** Statuses of problem documents. */
const STATUSES = [400, 401, 403, 404, 408, 409, 410, 413, 422, 429, 451, 500, 502, 503, 504];

/**
 * Describes a gateway's routes for its clients, as OpenAPI 3.1: nothing in it tells of upstreams. All
 * responses are described; the data of parts is not known, and may be anything.
 */
export function openApiDocument(settings: Settings): OpenApiDocument {
  const { title, version } = settings.openapi;
  const ids = new OperationIds();
  const paths = placeRoutes(settings.routes).map(({ template, operations }) => {
    const written = operations.map((placed): [string, DocObject] => [
      placed.method,
      operationOf(placed, ids.idOf(template, placed), settings),
    ]);
    return [template, Object.fromEntries(written)] as const;
  });
  const written = Object.fromEntries(paths);
  return {
    openapi: "3.1.0",
    info: { title, version, description: DESCRIPTION },
    paths: written,
    components: usedComponents(written, {
      schemas: {
        ...PROBLEM_SCHEMAS,
        ...BATCH_SCHEMAS,
        Record: RECORD_SCHEMA,
        Events: {
          type: "string",
          description: "Server-sent events: the `data` of each is a record as in NDJSON.",
        },
      },
      responses: {
        ...Object.fromEntries(
          STATUSES.map((status) => [`Problem${status}`, problemResponse(status)]),
        ),
        Problem: {
          description: "Any other problem.",
          headers: { "X-Request-Id": ref("headers", "XRequestId") },
          content: { [PROBLEM_TYPE]: { schema: ref("schemas", "ProblemDocument") } },
        },
      },
      headers: RESPONSE_HEADERS,
      parameters: {
        Prefer: {
          name: "Prefer",
          in: "header",
          description:
            "`wait=SECONDS` shortens the deadline; `handling=strict` makes the failure " +
            "of any part that of the whole (RFC 7240).",
          schema: { type: "string" },
        },
      },
      securitySchemes: securitySchemes(settings),
    }),
  };
}

/** Names operations after their methods and paths: `getUsersById`. */
class OperationIds {
  readonly #taken = new Set<string>();

  idOf(template: string, { method }: PlacedOperation): string {
    const words = template.split("/").flatMap((segment) => {
      const [, param] = /^\{(.*)\}$/.exec(segment) ?? [];
      return param === undefined ? segment.split(/[^A-Za-z0-9]+/) : ["by", param];
    });
    const name = method +
      words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
    let id = name;
    for (let count = 2; this.#taken.has(id); count++) id = `${name}${count}`;
    this.#taken.add(id);
    return id;
  }
}
