import type { BatchSettings } from "../config/route.ts";
import { type DocObject, ref } from "./document.ts";
import { anyHeaders } from "./headers.ts";

const HEADERS: DocObject = {
  type: "object",
  additionalProperties: {
    anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }],
  },
};

/** Returns the schema of a batch's body. @param max maximum requests */
export function batchRequest(max: number): DocObject {
  return {
    type: "object",
    required: ["requests"],
    properties: {
      requests: {
        type: "array",
        minItems: 1,
        maxItems: max,
        items: {
          type: "object",
          required: ["path"],
          properties: {
            path: { type: "string", description: "Path and query." },
            method: { type: "string", default: "GET" },
            headers: { type: "object", additionalProperties: { type: "string" } },
            body: { description: "A JSON value, or text of another type." },
          },
          additionalProperties: false,
        },
      },
    },
    additionalProperties: false,
  };
}

/** Returns the response of a batch. */
export function batchResponse(route: BatchSettings): DocObject {
  return {
    description: "The responses in the order of the requests, or as records while they arrive.",
    headers: anyHeaders(route),
    content: {
      "application/json": {
        schema: {
          type: "object",
          required: ["responses"],
          properties: {
            responses: {
              type: "array",
              maxItems: route.max,
              items: ref("schemas", "BatchResponse"),
            },
          },
          additionalProperties: false,
        },
      },
      "application/x-ndjson": { schema: ref("schemas", "BatchRecord") },
      "text/event-stream": { schema: ref("schemas", "Events") },
    },
  };
}

/** The schemas of a batch's responses, as components. */
export const BATCH_SCHEMAS: Readonly<Record<string, DocObject>> = {
  BatchResponse: {
    type: "object",
    description: "The response to one request of a batch.",
    required: ["status", "headers", "body"],
    properties: {
      status: { type: "integer", minimum: 200, maximum: 599 },
      headers: HEADERS,
      encoding: { const: "base64", description: "Set where the body is neither JSON nor text." },
      body: { description: "JSON as it is, text as a string, null if empty." },
    },
  },
  BatchRecord: {
    description: "The response to one request, or the end.",
    anyOf: [
      {
        allOf: [ref("schemas", "BatchResponse")],
        required: ["index"],
        properties: { index: { type: "integer", minimum: 0 } },
      },
      {
        type: "object",
        required: ["complete"],
        properties: { complete: { type: "boolean" } },
        additionalProperties: false,
      },
    ],
  },
};
