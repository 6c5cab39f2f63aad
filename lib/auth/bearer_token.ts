import { InvalidCredentials } from "./auth_error.ts";

/** RFC 6750 section 2.1: one space or more, then the token. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;
const SCHEME = /^Bearer(?: |$)/i;

/**
 * Returns the bearer token of a request; undefined when it has none, also when it has credentials of
 * another scheme.
 * @throws {InvalidCredentials} for a Bearer header that is not one token
 */
export function bearerToken(headers: Headers): string | undefined {
  const value = headers.get("authorization");
  if (value === null || !SCHEME.test(value)) return undefined;
  const token = BEARER.exec(value)?.[1];
  if (token === undefined) throw new InvalidCredentials("the Authorization header is malformed");
  return token;
}
