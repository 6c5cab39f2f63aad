const METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Whether a method changes nothing, so that its request may be sent twice (RFC 9110 section 9.2.1). */
export function isSafe(method: string): boolean {
  return METHODS.has(method);
}
