import type { AuthSettings } from "../config/auth.ts";
import type { ClientSettings } from "../config/client.ts";
import type { Settings } from "../config/gateway.ts";
import type { DocObject } from "./document.ts";

/** The names of security schemes. */
const [CLIENT_KEY, AUTHORIZATION] = ["clientKey", "authorization"];

/**
 * Returns what an operation accepts as security, each a sufficient alternative; none where there is
 * none.
 * @param auth the route's ways to authenticate
 * @param passesAuthorization whether a part passes on the client's Authorization
 */
export function securityOf(
  auth: readonly AuthSettings[],
  clients: ClientSettings | undefined,
  passesAuthorization: boolean,
): DocObject[] {
  if (auth.length > 0) return auth.map((way) => ({ [schemeOf(way)]: [] }));
  const keys: DocObject[] = clients === undefined
    ? [{}]
    : clients.required
    ? [{ [CLIENT_KEY]: [] }]
    : [{ [CLIENT_KEY]: [] }, {}];
  if (!passesAuthorization) return clients === undefined ? [] : keys;
  return [...keys.map((key) => ({ ...key, [AUTHORIZATION]: [] })), ...keys];
}

/** Returns the security schemes, as components. */
export function securitySchemes(
  { auth, clients }: Pick<Settings, "auth" | "clients">,
): Readonly<Record<string, DocObject>> {
  return {
    ...Object.fromEntries(auth.map((way) => [schemeOf(way), authScheme(way)])),
    ...(clients && { [CLIENT_KEY]: clientKey(clients) }),
    [AUTHORIZATION]: {
      type: "apiKey",
      in: "header",
      name: "Authorization",
      description: "Passed on to an upstream, which decides.",
    },
  };
}

function schemeOf({ name }: AuthSettings): string {
  return `auth.${name}`;
}

function authScheme(way: AuthSettings): DocObject {
  switch (way.kind) {
    case "jwt":
      return { type: "http", scheme: "bearer", bearerFormat: "JWT" };
    case "key":
      return clientKey(way);
    case "external": {
      const [name] = way.headers;
      return { type: "apiKey", in: "header", name };
    }
  }
}

function clientKey({ key }: Pick<ClientSettings, "key">): DocObject {
  const description = "The client's key.";
  return key === "bearer"
    ? { type: "http", scheme: "bearer", description }
    : { type: "apiKey", in: "header", name: key.header, description };
}
