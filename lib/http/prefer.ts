/** What a client prefers, of what the gateway knows (RFC 7240). */
export interface Preferences {
  /** `strict`: any failed part fails the whole (section 4.4). */
  readonly handling?: "strict" | "lenient";
  /** How long the client wants to wait (ms; section 4.3). */
  readonly waitMs?: number;
}

const NONE: Preferences = {};

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Reads the `Prefer` header. What is unknown or malformed is not preferred, and of two equal names
 * the first counts (section 2).
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
 * Splits at a separator, but not within quotes. It looks at each character once: a client may send
 * whatever it likes, and as much of it as a header takes.
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

/** A name, in lower case, and its value, "" when it has none. Of what is malformed both are "". */
function pairOf(text: string): [name: string, value: string] {
  const equals = text.indexOf("=");
  const name = (equals < 0 ? text : text.slice(0, equals)).trim();
  const value = equals < 0 ? "" : unquoted(text.slice(equals + 1).trim());
  return TOKEN.test(name) && value !== undefined ? [name.toLowerCase(), value] : ["", ""];
}

/** What a token or a quoted string stands for; undefined when it is neither (RFC 9110 section 5.6). */
function unquoted(text: string): string | undefined {
  if (text === "" || TOKEN.test(text)) return text;
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1];
  return quoted?.replaceAll(/\\(.)/g, "$1");
}
