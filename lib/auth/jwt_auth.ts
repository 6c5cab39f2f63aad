import type { Authenticator } from "./authenticator.ts";
import { bearerToken } from "./bearer_token.ts";
import { type ClaimNames, type Claims, type Identity, identityOf } from "./identity.ts";
import type { JwtVerifier } from "./jwt_verifier.ts";

/** Authenticates by a JSON Web Token, sent as a bearer token (RFC 6750). */
export function jwtAuth(way: string, verifier: JwtVerifier, names: ClaimNames): Authenticator {
  /** Identities live as long as the claims that the verifier remembers. */
  const known = new WeakMap<Claims, Identity>();
  const identify = (claims: Claims) => {
    const identity = known.get(claims) ?? identityOf(way, claims, names);
    known.set(claims, identity);
    return identity;
  };
  return {
    headers: ["authorization"],
    authenticate(headers) {
      const token = bearerToken(headers);
      if (token === undefined) return undefined;
      const claims = verifier.verify(token);
      return claims instanceof Promise ? claims.then(identify) : identify(claims);
    },
    // RFC 6750 section 3: no error code for a request without credentials.
    challenge: (error) =>
      error === undefined
        ? "Bearer"
        : `Bearer error="invalid_token", error_description="${error.message}"`,
  };
}
