import { type BareItem, type Item, serializeList, Token } from "structured-headers";
import { type KindFacts, KINDS } from "../lib/errors.ts";
import type { PartRecord } from "../lib/trace.ts";
import type { Middleware } from "./env.ts";

/** What the headers and the log of an aggregate need. */
export interface PartHeadersOptions {
  /** What the gateway calls itself. */
  readonly pseudonym: string;
  /** Told of what went wrong inside a part, which its problem does not say. */
  readonly logError: (error: unknown, requestId: string) => void;
}

/** Says in the headers of an aggregate how its parts went, also when it failed. */
export function partHeaders({ pseudonym, logError }: PartHeadersOptions): Middleware {
  return async function partHeaders(c, next) {
    await next();
    const { headers } = c.res;
    const { id, parts } = c.get("trace");
    if (!headers.has("gateway-complete")) headers.set("gateway-complete", "?0");
    headers.append("vary", "Accept, Prefer");
    if (parts.length > 0) headers.set("server-timing", parts.map(timing).join(", "));
    for (const { error } of parts) {
      if (error?.kind === "internal") logError(error.cause, id);
    }
    const failures = parts.flatMap((part) => status(part, pseudonym) ?? []);
    if (failures.length > 0) headers.set("proxy-status", serializeList(failures));
  };
}

/** W3C Server Timing, section 2. */
function timing({ part, durationMs, error }: PartRecord): string {
  const description = error ? `;desc="${error.kind}"` : "";
  return `${part};dur=${durationMs.toFixed(1)}${description}`;
}

/** RFC 9209 section 2: one member a failed part, which `details` names. */
function status({ part, error }: PartRecord, pseudonym: string): [Item] | undefined {
  const facts: KindFacts | undefined = error && KINDS[error.kind];
  if (facts?.proxyError === undefined) return undefined;
  const parameters = new Map<string, BareItem>([
    ["error", new Token(facts.proxyError)],
    ["details", `${part}: ${error?.kind}`],
  ]);
  return [[new Token(pseudonym), parameters]];
}
