import * as v from "valibot";
import { GatewayError } from "../../lib/core/errors.ts";
import { readRequestBody, requestBody } from "../../lib/http/request_body.ts";
import type { OperatorExchange } from "./operator_env.ts";

/** How a body is read. */
export interface ReadBodyOptions<Schema extends v.GenericSchema> {
  /** The largest body (bytes). */
  readonly maxBytes: number;
  /** The value of an empty body; absent where the body must not be empty. */
  readonly nothing?: v.InferInput<Schema>;
}

/**
 * Reads and validates a JSON body. Its type must be application/json, which no page of another
 * origin can send.
 * @throws {GatewayError} `bad-request`; `payload-too-large`
 */
export async function readBody<Schema extends v.GenericSchema>(
  c: OperatorExchange,
  schema: Schema,
  { maxBytes, nothing }: ReadBodyOptions<Schema>,
): Promise<v.InferOutput<Schema>> {
  const request = c.req.raw;
  const body = requestBody(request);
  if (body) await readRequestBody(body, maxBytes, request.signal);
  const text = body ? new TextDecoder().decode(await body.bytes(maxBytes)) : "";
  if (text === "" && nothing !== undefined) return v.parse(schema, nothing);
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers.get("content-type") ?? "")) {
    throw new GatewayError("bad-request", "the Content-Type must be application/json");
  }
  const { success, output, issues } = v.safeParse(schema, parseJson(text));
  if (success) return output;
  throw new GatewayError("bad-request", [...new Set(issues.map(messageOf))].join("; "));
}

/** An unknown or missing member gets the message of its object. */
function messageOf({ type, message, path }: v.BaseIssue<unknown>): string {
  const isOfMember = type === "strict_object" && path !== undefined;
  return isOfMember ? `${message}; a member is missing or unknown` : message;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GatewayError("bad-request", "the body is not JSON");
  }
}
