import type { ClientSettings } from "../config/client.ts";
import type { DocObject } from "./document.ts";

/** The names of security schemes. */
const [CLIENT_KEY, AUTHORIZATION] = ["clientKey", "authorization"];

/**
 * Returns what an operation accepts as security, each a sufficient alternative; none where there is
 * none.
 * @param passesAuthorization whether a part passes on the client's Authorization
 */
export function securityOf(
  clients: ClientSettings | undefined,
  passesAuthorization: boolean,
): DocObject[] {
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
  clients: ClientSettings | undefined,
): Readonly<Record<string, DocObject>> {
  return {
    ...(clients && { [CLIENT_KEY]: clientKey(clients) }),
    [AUTHORIZATION]: {
      type: "apiKey",
      in: "header",
      name: "Authorization",
      description: "Passed on to an upstream, which decides.",
    },
  };
}

function clientKey({ key }: ClientSettings): DocObject {
  const description = "The client's key.";
  return key === "bearer"
    ? { type: "http", scheme: "bearer", description }
    : { type: "apiKey", in: "header", name: key.header, description };
}
