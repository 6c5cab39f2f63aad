import { clientHeadersOf, sendsAuthorization } from "../config/client_headers.ts";
import type { Settings } from "../config/gateway.ts";
import type { PartSettings } from "../config/part.ts";
import type { ForwardSettings, GatherSettings } from "../config/route.ts";
import { templateNames } from "../config/template_names.ts";
import { seesClients } from "./sees_clients.ts";

/** How the config identifies clients. */
type Clients = Pick<Settings, "clients" | "auth">;

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
  const knowsClients = clients.clients !== undefined || clients.auth.length > 0;
  return knowsClients && seesClients(upstream) && !cache?.isShared;
}

/** Describes for whom, by the client's headers that the calls use. */
function asSent(parts: readonly PartSettings[], clients: Clients): string {
  const names = [...new Set(parts.flatMap((part) => [...clientHeadersOf(part), ...claimsOf(part)]))]
    .sort();
  if (parts.some(sendsAuthorization)) {
    return `stored only ${PUBLIC}, because the call has the client's Authorization`;
  }
  const place = clients.clients?.key;
  const key = typeof place === "object" ? place.header : undefined;
  const own = names.filter((name) => name === "cookie" || name === key);
  if (own.length > 0) return `stored per client, by ${own.join(" and ")}`;
  return names.length === 0 ? "stored for all" : `stored for all with the same ${names.join(", ")}`;
}

function claimsOf(part: PartSettings): string[] {
  return templateNames(part).flatMap(({ name, reference }) =>
    reference.from === "claims" ? [name] : []
  );
}
