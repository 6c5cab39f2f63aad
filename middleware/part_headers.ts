import { type BareItem, type Item, serializeList, Token } from "structured-headers";
import { type KindFacts, KINDS } from "../lib/errors.ts";
import type { PartRecord } from "../lib/trace.ts";
import type { Middleware } from "./env.ts";

/** Says in the headers of an aggregate how its parts went, also when it failed. */
export function partHeaders(pseudonym: string): Middleware {
  return async function partHeaders(c, next) {
    await next();
    const { headers } = c.res;
    const { parts } = c.get("trace");
    if (!headers.has("gateway-complete")) headers.set("gateway-complete", "?0");
    headers.append("vary", "Accept, Prefer");
    if (parts.length > 0) headers.set("server-timing", parts.map(timing).join(", "));
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
