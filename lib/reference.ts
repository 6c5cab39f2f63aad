/** What a name in a template stands for. */
export type Reference =
  | { readonly from: "param" | "query" | "header"; readonly name: string }
  | { readonly from: "body"; readonly path: readonly string[] };

/** First words of a reference that no route parameter and no part may take. */
export const RESERVED = ["query", "header", "body", "item"] as const;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Query parameters and headers carry more than identifiers do (RFC 9110 section 5.6.2). */
const TOKEN = /^[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*$/;

/**
 * Reads `id`, `query.NAME`, `header.NAME` or `body.NAME` (a dotted path).
 * Undefined when it is none of these.
 */
export function parseReference(name: string): Reference | undefined {
  const dot = name.indexOf(".");
  if (dot < 0) return IDENTIFIER.test(name) ? { from: "param", name } : undefined;
  const from = name.slice(0, dot);
  const rest = name.slice(dot + 1);
  if (from === "query" || from === "header") {
    return TOKEN.test(rest) ? { from, name: rest } : undefined;
  }
  if (from === "body") {
    const path = rest.split(".");
    return path.every((key) => /^[\w-]+$/.test(key)) ? { from, path } : undefined;
  }
  return undefined;
}

/** A part's or a route parameter's name. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}
