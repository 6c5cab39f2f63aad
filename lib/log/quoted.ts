/** What needs no escape, and no look at each character. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** What JSON leaves as it is, and a terminal, an editor or a reader of lines might obey. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Returns a text as a JSON string, in which control characters, line separators, and characters that
 * change the direction of text are escaped: whoever looks at it sees what it says.
 * @example
 * ```ts
 * quoted("a\u202eb"); // '"a\\u202eb"'
 * ```
 */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : escaped(JSON.stringify(text));
}

/** Escapes what JSON does not, in any JSON text. */
export function escaped(json: string): string {
  return json.replaceAll(UNSHOWN, escapeOf);
}

function escapeOf(character: string): string {
  const units = character.split("").map((unit) => unit.charCodeAt(0).toString(16).padStart(4, "0"));
  return units.map((unit) => `\\u${unit}`).join("");
}
