/** A host with an optional port (RFC 3986 section 3.2.2). */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-fA-F:.]+\])?(?::\d*)?$/;

/** Whether a text is empty or a host with an optional port, and cannot change a URL's path. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}
