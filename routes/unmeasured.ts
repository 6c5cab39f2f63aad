import { isBodiless } from "../lib/http/is_bodiless.ts";

/**
 * The answer to HEAD, of which no length is told when GET has none that is known beforehand (RFC
 * 9110 section 8.6): of an answer without a body Deno would say that it is 0 long.
 */
export function unmeasured(response: Response): Response {
  const isMeasured = response.headers.has("content-length") || response.body !== null;
  if (isMeasured || isBodiless("GET", response.status)) return response;
  return new Response(new ReadableStream({ start: (controller) => controller.close() }), response);
}
