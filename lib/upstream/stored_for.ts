import { clientHeadersOf, sendsAuthorization } from "../config/client_headers.ts";
import type { ClientSettings } from "../config/client.ts";
import type { PartSettings } from "../config/part.ts";
import type { ForwardSettings, GatherSettings } from "../config/route.ts";
import { seesClients } from "./sees_clients.ts";

/** The known clients, if the config lists them. */
type Clients = ClientSettings | undefined;

const PUBLIC = "where the response says public, s-maxage or must-revalidate";

/** Describes for whom a part's responses are stored; undefined if none are. */
export function partStoredFor(part: PartSettings, clients: Clients): string | undefined {
  if (!part.cache) return undefined;
  if (isPerClient(part, clients)) {
    return `stored per client, because a function may depend on the client; ${ALLOW}`;
  }
  return asSent([part], clients);
}

/** Describes for whom a forward route's responses are stored; undefined if none are. */
export function forwardStoredFor({ to, cache }: ForwardSettings, clients: Clients) {
  if (!cache) return undefined;
  if (isPerClient({ upstream: to, cache }, clients)) {
    return `stored per client, because a function may depend on the client; ${ALLOW}`;
  }
  const authorized = `stored for all; with Authorization only ${PUBLIC}`;
  if (cache.isShared) return authorized;
  return `${authorized}; with a Cookie only where the response says how long it is fresh; ${ALLOW}`;
}

/** Describes for whom an aggregate's responses are stored; undefined if none are. */
export function wholeStoredFor({ parts, cache }: GatherSettings, clients: Clients) {
  if (!cache) return undefined;
  const own = cache.isShared ? [] : parts.filter((part) => isPerClient(part, clients));
  if (own.length === 0) return asSent(parts, clients);
  const names = own.map(({ name }) => name).join(", ");
  return `not stored, because the function of ${names} may depend on the client; ${ALLOW}`;
}

const ALLOW = "shared: true stores them for all";

function isPerClient(
  { upstream, cache }: Pick<PartSettings, "upstream" | "cache">,
  clients: Clients,
): boolean {
  return clients !== undefined && seesClients(upstream) && !cache?.isShared;
}

/** Describes for whom, by the client's headers that the calls use. */
function asSent(parts: readonly PartSettings[], clients: Clients): string {
  const names = [...new Set(parts.flatMap(clientHeadersOf))].sort();
  if (parts.some(sendsAuthorization)) {
    return `stored only ${PUBLIC}, because the call has the client's Authorization`;
  }
  const key = typeof clients?.key === "object" ? clients.key.header : undefined;
  const own = names.filter((name) => name === "cookie" || name === key);
  if (own.length > 0) return `stored per client, by ${own.join(" and ")}`;
  return names.length === 0 ? "stored for all" : `stored for all with the same ${names.join(", ")}`;
}
