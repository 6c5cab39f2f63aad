/** Characters that would move a terminal's cursor, or hide or reorder what follows. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Replaces characters that a terminal would obey by their percent-encoding: `%0A`. */
export function visible(text: string): string {
  return text.replaceAll(UNSHOWN, encodeURIComponent);
}
