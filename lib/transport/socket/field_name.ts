/** Common names, which need not be decoded. */
const COMMON = [
  ["accept-ranges", "age", "alt-svc", "cache-control", "cf-ray", "connection", "content-encoding"],
  ["content-language", "content-length", "content-location", "content-range", "content-type"],
  ["date", "etag", "expires", "keep-alive", "last-modified", "link", "location", "retry-after"],
  ["server", "server-timing", "set-cookie", "strict-transport-security", "traceparent"],
  ["transfer-encoding", "vary", "via", "x-cache", "x-content-type-options", "x-powered-by"],
  ["x-frame-options", "x-request-id"],
].flat();

const BY_LENGTH: readonly (readonly string[])[] = Array.from(
  { length: Math.max(...COMMON.map(({ length }) => length)) + 1 },
  (_, length) => COMMON.filter((name) => name.length === length),
);

/** For each byte of a name (RFC 9110 section 5.6.2) its lower case; 0 for other bytes. */
const LOWER = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
  LOWER[character.charCodeAt(0)] =
    LOWER[character.toUpperCase().charCodeAt(0)] =
      character.charCodeAt(0);
}

/** Returns the index after the header name that begins at `start`. */
export function fieldNameEnd(bytes: Uint8Array, start: number): number {
  let end = start;
  while (LOWER[bytes[end] ?? 0] !== 0) end++;
  return end;
}

/** Returns a header name in lower case. */
export function fieldName(bytes: Uint8Array, start: number, end: number): string {
  for (const name of BY_LENGTH[end - start] ?? []) {
    if (isAt(name, bytes, start)) return name;
  }
  let name = "";
  for (let at = start; at < end; at++) name += String.fromCharCode(LOWER[bytes[at] ?? 0] ?? 0);
  return name;
}

function isAt(name: string, bytes: Uint8Array, start: number): boolean {
  for (let at = 0; at < name.length; at++) {
    if (LOWER[bytes[start + at] ?? 0] !== name.charCodeAt(at)) return false;
  }
  return true;
}
