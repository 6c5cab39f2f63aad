/** What a host may be written with (RFC 3986 section 3.2.2), with its port. */
const AUTHORITY = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-fA-F:.]+\])?(?::\d*)?$/;

/** Whether a text is a host with or without a port, or empty, and nothing that moves a URL's path. */
export function isAuthority(text: string): boolean {
  return AUTHORITY.test(text);
}
