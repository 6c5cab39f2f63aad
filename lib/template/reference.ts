/** What a name in a template stands for. */
export type Reference =
  /** A query parameter, decoded; `isList`: all its values, as a list. */
  | { readonly from: "query"; readonly name: string; readonly isList?: true }
  | { readonly from: "header"; readonly name: string }
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
/** Headers carry more than identifiers do (RFC 9110 section 5.6.2). */
const TOKEN = /^[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*$/;
/** `tag`, `page.size`, `filter[name]`, `ids[]`; any other name is quoted. */
const PARAMETER = /^[\w~-]+(?:\.[\w~-]+|\[[\w~-]*\])*$/;
/** A JSON string in brackets. */
const QUOTED = /^\[("(?:[^"\\]|\\.)*")\]$/;
const KEY = /^[\w-]+$/;
/** What stands between braces; quoted, it may hold braces and commas itself. */
const BETWEEN_BRACES = '(?:[^{}"]|"(?:[^"\\\\]|\\\\.)*")*';
const ONLY_NAME = new RegExp(`^\\{(${BETWEEN_BRACES})\\}$`);

/** The `{…}` of a text, each with what stands between its braces. */
export const HOLES = new RegExp(`\\{(${BETWEEN_BRACES})\\}`, "g");

/**
 * Reads `id`, `query.NAME`, `query["any name"]`, `header.NAME`, `body.NAME`, `item`, or a part's
 * name; the last three with a dotted path into their JSON. `*` behind a query parameter makes a
 * list of all its values. Undefined when it is none of these.
 */
export function parseReference(text: string): Reference | undefined {
  if (/^query\b/.test(text)) return parseParameter(text.slice("query".length));
  const [name = "", ...path] = text.split(".");
  if (name === "header") {
    const rest = text.slice(name.length + 1);
    return TOKEN.test(rest) ? { from: name, name: rest } : undefined;
  }
  if (!IDENTIFIER.test(name) || !path.every((key) => KEY.test(key))) return undefined;
  if (name === "item") return { from: name, path };
  if (name === "body") return path.length > 0 ? { from: name, path } : undefined;
  return { from: "param or part", name, path };
}

/** @param text what stands behind `query` */
function parseParameter(text: string): Reference | undefined {
  const isList = text.endsWith("*");
  const written = isList ? text.slice(0, -1) : text;
  const plain = written.startsWith(".") ? written.slice(1) : "";
  const name = PARAMETER.test(plain) ? plain : unquoted(QUOTED.exec(written)?.[1]);
  if (name === undefined) return undefined;
  return { from: "query", name, ...(isList && { isList }) };
}

function unquoted(quoted = ""): string | undefined {
  try {
    return String(JSON.parse(quoted)).toWellFormed();
  } catch {
    return undefined;
  }
}

/** The names of an expression, which commas divide that are not quoted. */
export function splitNames(expression: string): string[] {
  const names = [""];
  for (const [piece] of expression.matchAll(/"(?:[^"\\]|\\.)*"|[^",]+|./gs)) {
    if (piece === ",") names.push("");
    else names.push((names.pop() ?? "") + piece);
  }
  return names;
}

/** A part's or a route parameter's name. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** The name in a text that is exactly one `{name}`; undefined when it is not. */
export function parseOnlyName(text: string): TemplateName | undefined {
  const name = ONLY_NAME.exec(text)?.[1] ?? "";
  const reference = parseReference(name);
  return reference && { name, reference };
}

/** Whether a value can only be the client's, who may leave it out. */
export function isClients({ from }: Reference): boolean {
  return from === "body" || from === "query" || from === "header";
}
