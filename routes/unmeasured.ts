import { isBodiless } from "../lib/http/is_bodiless.ts";

/**
 * Keeps a HEAD response without a length when GET's length is not known beforehand (RFC 9110 section
 * 8.6): Deno would send `Content-Length: 0` for a response without a body.
 */
export function unmeasured(response: Response): Response {
  const isMeasured = response.headers.has("content-length") || response.body !== null;
  if (isMeasured || isBodiless("GET", response.status)) return response;
  return new Response(new ReadableStream({ start: (controller) => controller.close() }), response);
}
