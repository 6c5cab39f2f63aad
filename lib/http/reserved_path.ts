/** What may stand before or in the place of a reserved first segment; all else is told at a glance. */
const SUSPECT = /^\/[/_%;\s]/;
/** Encodings of encodings that are looked into: more than any front and upstream undo. */
const LONGEST_ENCODING = 4;

/**
 * Whether a path is under `/_gateway`, however it is spelled: `/%5fgateway/x`, `/_Gateway`,
 * `//_gateway`, `/_gateway;a=b/x` and their like, which a server in front may read as another path.
 * @param pathname as it came, not decoded
 */
export function isReservedPath(pathname: string): boolean {
  if (!SUSPECT.test(pathname)) return false;
  const [first = ""] = decoded(pathname).split(/[/\\]/)
    // deno-lint-ignore no-control-regex -- what some servers drop, or end a path at
    .map((segment) => segment.replace(/;.*$/s, "").replaceAll(/[\s\0-\x1f\x7f]/g, ""))
    .filter((segment) => segment !== "" && segment !== "." && segment !== "..");
  return first.toLowerCase() === "_gateway";
}

/** Undoes percent-encoding of ASCII, also where it was encoded again. */
function decoded(pathname: string): string {
  let text = pathname;
  for (let times = 0; times < LONGEST_ENCODING; times++) {
    const next = text.replaceAll(
      /%([0-7][\da-f])/gi,
      (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === text) break;
    text = next;
  }
  return text;
}
