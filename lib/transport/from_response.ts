import { Body } from "../core/body.ts";
import type { Reply } from "../core/source.ts";
import { isBodiless } from "../http/is_bodiless.ts";

/**
 * Makes a Reply of a Response, whose body is then read on demand.
 * @param headers the Reply's headers (default: the Response's)
 * @param method the request's method: a response to HEAD has no body (default `GET`)
 *
 * @example
 * ```ts
 * import { fromResponse } from "sluice/policies";
 *
 * const reply = fromResponse(Response.json({ id: 7 }));
 * ```
 */
export function fromResponse(
  response: Response,
  headers: Headers = new Headers(response.headers),
  method = "GET",
): Reply {
  return { status: response.status, headers, body: bodyOf(response, headers, method) };
}

function bodyOf(response: Response, headers: Headers, method: string): Body {
  const { body, status } = response;
  if (body === null || isBodiless(method, status)) {
    body?.cancel();
    return Body.of(new Uint8Array());
  }
  const length = headers.get("content-length");
  if (length === null) return Body.from({ stream: body });
  return Body.from({ stream: body, length: Number(length), whole: () => response.bytes() });
}
