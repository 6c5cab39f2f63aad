/** The value that a name in a template refers to. */
export type Reference =
  /** A query parameter, decoded; with `isList`, all of its values as a list. */
  | { readonly from: "query"; readonly name: string; readonly isList?: true }
  | { readonly from: "header"; readonly name: string }
  /** A claim of the authenticated client. */
  | { readonly from: "claims"; readonly path: readonly string[] }
  | { readonly from: "body" | "item"; readonly path: readonly string[] }
  /** A route parameter, or a part's result, or a value within that. */
  | { readonly from: "param or part"; readonly name: string; readonly path: readonly string[] };

/** A name in a template, with its reference. */
export interface TemplateName {
  readonly name: string;
  readonly reference: Reference;
}

/** Reserved first words: not allowed as names of route parameters and parts. */
export const RESERVED = ["query", "header", "body", "item", "claims"] as const;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Header names have more characters than identifiers (RFC 9110 section 5.6.2). */
const TOKEN = /^[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*$/;
/** `tag`, `page.size`, `filter[name]`, `ids[]`; any other name must be quoted. */
const PARAMETER = /^[\w~-]+(?:\.[\w~-]+|\[[\w~-]*\])*$/;
/** A JSON string in brackets. */
const QUOTED = /^\[("(?:[^"\\]|\\.)*")\]$/;
const KEY = /^[\w-]+$/;
/** A key that leads to a list, of each of whose items the rest of the path is read. */
const EACH_KEY = /^[\w-]+\[\]$/;
/** The text between braces; within quotes, it may contain braces and commas. */
const BETWEEN_BRACES = '(?:[^{}"]|"(?:[^"\\\\]|\\\\.)*")*';
const ONLY_NAME = new RegExp(`^\\{(${BETWEEN_BRACES})\\}$`);

/** Matches each `{…}` of a text (RFC 6570 calls it an expression) and captures the text within. */
export const EXPRESSIONS = new RegExp(`\\{(${BETWEEN_BRACES})\\}`, "g");

/** Matches each `{{`, `}}` and `{…}` of a text, and captures the text within the last. */
export const PIECES = new RegExp(`\\{\\{|\\}\\}|${EXPRESSIONS.source}`, "g");

/**
 * Parses `id`, `query.NAME`, `query["any name"]`, `header.NAME`, `claims.NAME`, `claims["any name"]`,
 * `body.NAME`, `item`, or a part's name; all but the first four with a dotted path into their JSON. A `*` after a query parameter makes it a
 * list of all its values; a part's `items[].id` is the list of the ids of its items. Undefined when the text is none of these.
 */
export function parseReference(text: string): Reference | undefined {
  if (/^query\b/.test(text)) return parseParameter(text.slice("query".length));
  const quoted = /^claims(\[.*)$/s.exec(text)?.[1];
  if (quoted !== undefined) {
    const claim = unquoted(QUOTED.exec(quoted)?.[1]);
    return claim === undefined ? undefined : { from: "claims", path: [claim] };
  }
  const [name = "", ...path] = text.split(".");
  if (name === "header") {
    const rest = text.slice(name.length + 1);
    return TOKEN.test(rest) ? { from: name, name: rest } : undefined;
  }
  if (!IDENTIFIER.test(name)) return undefined;
  const isOther = !RESERVED.some((reserved) => reserved === name);
  if (!path.every((key) => KEY.test(key) || (isOther && EACH_KEY.test(key)))) return undefined;
  if (name === "item") return { from: name, path };
  if (name === "body" || name === "claims") {
    return path.length > 0 ? { from: name, path } : undefined;
  }
  return { from: "param or part", name, path };
}

/** @param text the text after `query` */
function parseParameter(text: string): Reference | undefined {
  const isList = text.endsWith("*");
  const single = isList ? text.slice(0, -1) : text;
  const plain = single.startsWith(".") ? single.slice(1) : "";
  const name = PARAMETER.test(plain) ? plain : unquoted(QUOTED.exec(single)?.[1]);
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

/** Splits an expression at its commas, except those in quotes. */
export function splitNames(expression: string): string[] {
  const names = [""];
  for (const [piece] of expression.matchAll(/"(?:[^"\\]|\\.)*"|[^",]+|./gs)) {
    if (piece === ",") names.push("");
    else names.push((names.pop() ?? "") + piece);
  }
  return names;
}

/** Whether a text can name a part or a route parameter. */
export function isIdentifier(name: string): boolean {
  return IDENTIFIER.test(name);
}

/** Parses a text that is exactly one `{name}`; undefined when it is not. */
export function parseOnlyName(text: string): TemplateName | undefined {
  const name = ONLY_NAME.exec(text)?.[1] ?? "";
  const reference = parseReference(name);
  return reference && { name, reference };
}

/** Whether the value is certainly the client's, who may omit it; a claim must not be missing. */
export function isClients({ from }: Reference): boolean {
  return from === "body" || from === "query" || from === "header" || from === "claims";
}
