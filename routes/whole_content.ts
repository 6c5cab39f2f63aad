import type { Body } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import { readRequestBody } from "../lib/http/request_body.ts";
import type { Exchange } from "../middleware/exchange.ts";

/**
 * Reads a client's body whole, within the request's deadline and buffer budget.
 * @param limit the maximum size (bytes)
 * @throws {GatewayError} as {@linkcode readRequestBody} does
 */
export async function wholeContent(
  { ctx: { buffers, signal } }: Exchange,
  body: Body,
  limit: number,
): Promise<Bytes> {
  buffers?.hold(body);
  await readRequestBody(body, limit, signal);
  return await body.bytes(limit);
}
