/** The client's preferences that the gateway supports (RFC 7240). */
export interface Preferences {
  /** `strict`: any failed part fails the whole response (section 4.4). */
  readonly handling?: "strict" | "lenient";
  /** How long the client is willing to wait (ms; section 4.3). */
  readonly waitMs?: number;
}

const NONE: Preferences = {};

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Parses the `Prefer` header. Unknown and malformed preferences are ignored, and of duplicates the
 * first counts (section 2).
 */
export function readPreferences(headers: Headers): Preferences {
  const text = headers.get("prefer");
  if (text === null) return NONE;
  const preferred = new Map<string, string>();
  for (const preference of split(text, ",")) {
    const [first = ""] = split(preference, ";");
    const [name, value] = pairOf(first);
    if (!preferred.has(name)) preferred.set(name, value);
  }
  const handling = preferred.get("handling")?.toLowerCase();
  const wait = preferred.get("wait") ?? "";
  return {
    ...(handling === "strict" || handling === "lenient" ? { handling } : {}),
    ...(/^\d{1,9}$/.test(wait) ? { waitMs: Number(wait) * 1000 } : {}),
  };
}

/**
 * Splits at a separator outside of quotes, in linear time: the text is under the client's control.
 */
function split(text: string, separator: "," | ";"): string[] {
  const pieces: string[] = [];
  let start = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted && character === "\\") at++;
    else if (!isQuoted && character === separator) {
      pieces.push(text.slice(start, at));
      start = at + 1;
    }
  }
  pieces.push(text.slice(start));
  return pieces;
}

/** Parses a name, in lower case, and its value, `""` if it has none. Both are `""` if malformed. */
function pairOf(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  const name = (equals < 0 ? text : text.slice(0, equals)).trim();
  const value = equals < 0 ? "" : unquoted(text.slice(equals + 1).trim());
  return TOKEN.test(name) && value !== undefined ? [name.toLowerCase(), value] : ["", ""];
}

/** Decodes a token or a quoted string (RFC 9110 section 5.6); undefined if it is neither. */
function unquoted(text: string): string | undefined {
  if (text === "" || TOKEN.test(text)) return text;
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1];
  return quoted?.replaceAll(/\\(.)/g, "$1");
}
