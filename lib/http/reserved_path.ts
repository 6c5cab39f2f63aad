/** A quick test for paths that may be reserved. */
const SUSPECT = /^\/[/_%;\s]/;
/** Maximum nested encodings that are decoded: more than any proxy and upstream decode. */
const LONGEST_ENCODING = 4;

/**
 * Whether a path is under `/_gateway` in any spelling: `/%5fgateway/x`, `/_Gateway`, `//_gateway`,
 * `/_gateway;a=b/x` and similar ones, which a server in front may read as another path.
 * @param pathname the path, not decoded
 */
export function isReservedPath(pathname: string): boolean {
  if (!SUSPECT.test(pathname)) return false;
  const [first = ""] = decoded(pathname).split(/[/\\]/)
    // deno-lint-ignore no-control-regex -- some servers drop these, or end a path there
    .map((segment) => segment.replace(/;.*$/s, "").replaceAll(/[\s\0-\x1f\x7f]/g, ""))
    .filter((segment) => segment !== "" && segment !== "." && segment !== "..");
  return first.toLowerCase() === "_gateway";
}

/** Decodes percent-encoded ASCII, including nested encodings. */
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
