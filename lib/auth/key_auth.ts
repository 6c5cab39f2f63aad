import { CannotCheck, InvalidCredentials } from "./auth_error.ts";
import type { Authenticator } from "./authenticator.ts";
import { bearerToken } from "./bearer_token.ts";
import type { Claims, Identity } from "./identity.ts";

/** A client whose key is known. */
interface KnownClient {
  readonly name: string;
  readonly tier: string | undefined;
}

/** Finds a client by its key; rejects when the store fails. */
type FindClient = (key: string) => KnownClient | undefined | Promise<KnownClient | undefined>;

const NO_CLAIMS: Claims = {};

/**
 * Authenticates by the key of a known client.
 * @param place where clients send it
 */
export function keyAuth(
  place: "bearer" | { readonly header: string },
  find: FindClient,
): Authenticator {
  const identify = (client: KnownClient | undefined): Identity => {
    if (client === undefined) throw new InvalidCredentials("the key is not known");
    const { name, tier } = client;
    return { claims: NO_CLAIMS, name, ...(tier !== undefined && { tier }) };
  };
  const header = place === "bearer" ? "authorization" : place.header;
  return {
    headers: [header],
    authenticate(headers) {
      const key = place === "bearer" ? bearerToken(headers) : headers.get(header);
      if (key === undefined || key === null || key === "") return undefined;
      const found = find(key);
      if (!(found instanceof Promise)) return identify(found);
      return found.then(identify, (cause) => {
        throw new CannotCheck("the client cannot be identified", { cause });
      });
    },
    challenge: () => place === "bearer" ? "Bearer" : `ApiKey header="${header}"`,
  };
}
