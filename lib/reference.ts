/** What a name in a template stands for. */
export type Reference =
  | { readonly from: "query" | "header"; readonly name: string }
  | { readonly from: "body" | "item"; readonly path: readonly string[] }
  /** A route parameter, or a part: its output, or what a path leads to in it. */
  | { readonly from: "param or part"; readonly name: string; readonly path: readonly string[] };

/** A name in a template, and what it stands for. */
export interface TemplateName {
  readonly name: string;
  readonly reference: Reference;
}

/** First words of a reference that no route parameter and no part may take. */
export const RESERVED = ["query", "header", "body", "item"] as const;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Query parameters and headers carry more than identifiers do (RFC 9110 section 5.6.2). */
const TOKEN = /^[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*$/;
const KEY = /^[\w-]+$/;

/**
 * Reads `id`, `query.NAME`, `header.NAME`, `body.NAME`, `item`, or a part's name; the last three
 * with a dotted path into their JSON. Undefined when it is none of these.
 */
export function parseReference(text: string): Reference | undefined {
  const [name = "", ...path] = text.split(".");
  if (name === "query" || name === "header") {
    const rest = text.slice(name.length + 1);
    return TOKEN.test(rest) ? { from: name, name: rest } : undefined;
  }
  if (!IDENTIFIER.test(name) || !path.every((key) => KEY.test(key))) return undefined;
  if (name === "item") return { from: name, path };
  if (name === "body") return path.length > 0 ? { from: name, path } : undefined;
  return { from: "param or part", name, path };
}

/** A part's or a route parameter's name. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** The name in a text that is exactly one `{name}`; undefined when it is not. */
export function parseOnlyName(text: string): TemplateName | undefined {
  const name = /^\{([^{}]*)\}$/.exec(text)?.[1] ?? "";
  const reference = parseReference(name);
  return reference && { name, reference };
}

/** Whether a value can only be the client's, who may leave it out. */
export function isClients({ from }: Reference): boolean {
  return from === "body" || from === "query" || from === "header";
}
