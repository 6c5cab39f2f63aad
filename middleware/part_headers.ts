import type { Item } from "structured-headers";
import type { GatewayError } from "../lib/core/errors.ts";
import { addProxyStatus, proxyStatusOf } from "../lib/http/proxy_status.ts";
import { MapError } from "../lib/core/map_function.ts";
import { readPreferences } from "../lib/http/prefer.ts";
import type { PartRecord, Trace } from "../lib/core/trace.ts";
import type { Middleware } from "./env.ts";

/** What the headers and the log of an aggregate need. */
export interface PartHeadersOptions {
  /** What the gateway calls itself. */
  readonly pseudonym: string;
  /** Whether the client may have it that any failed part fails the whole. */
  readonly honoursHandling: boolean;
  /** Told of what went wrong inside a part, which its problem does not say. */
  readonly logError: (error: unknown, requestId: string) => void;
}

/** Says in the headers of an aggregate how its parts went, also when it failed. */
export function partHeaders(options: PartHeadersOptions): Middleware {
  const { pseudonym, honoursHandling } = options;
  return async function partHeaders(c, next) {
    await next();
    const { headers } = c.res;
    const { parts } = c.get("trace");
    if (c.get("error")) headers.set("gateway-complete", "?0");
    headers.append("vary", "Accept, Prefer");
    const { handling } = readPreferences(c.req.raw.headers);
    if (handling && honoursHandling) headers.append("preference-applied", `handling=${handling}`);
    addCacheStatus(headers, parts);
    if (parts.length > 0) headers.set("server-timing", parts.map(timing).join(", "));
    addProxyStatus(headers, parts.flatMap((part) => statusOf(part, pseudonym)));
    const answering = c.get("answering");
    if (answering) answering.then(() => logMistakes(c.get("trace"), options));
    else logMistakes(c.get("trace"), options);
  };
}

/** The caches of the parts come before the aggregate's own, which is nearest the client. */
function addCacheStatus(headers: Headers, parts: readonly PartRecord[]): void {
  const members = parts.flatMap(({ part, reply }) => {
    const status = reply?.cached && reply.headers.get("cache-status");
    return status ? `${status}; detail="${part}"` : [];
  });
  const own = headers.get("cache-status");
  if (members.length === 0) return;
  headers.set("cache-status", [...members, ...own === null ? [] : [own]].join(", "));
}

function logMistakes({ id, parts }: Trace, { logError }: PartHeadersOptions): void {
  for (const { error, reply } of parts) {
    const failures = reply?.failures ?? error?.failures ?? [];
    for (const failed of [error, ...failures.map(({ error }) => error)]) {
      for (const mistake of mistakeOf(failed)) logError(mistake, id);
    }
  }
}

/** What nobody planned: our own fault, or the config's. */
function mistakeOf(error: GatewayError | undefined): unknown[] {
  if (error?.kind === "internal") return [error.cause];
  return error?.cause instanceof MapError ? [error.cause.cause] : [];
}

/** W3C Server Timing, section 2. */
function timing({ part, durationMs, error }: PartRecord): string {
  const description = error ? `;desc="${error.kind}"` : "";
  return `${part};dur=${durationMs.toFixed(1)}${description}`;
}

/** One member a failed part, which `details` names. */
function statusOf({ part, error }: PartRecord, pseudonym: string): Item[] {
  const details = `${part}: ${error?.kind}`;
  const member = error && proxyStatusOf(pseudonym, { error, details });
  return member ? [member] : [];
}
