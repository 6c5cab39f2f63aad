const METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Whether a method is safe, so that a request can be repeated (RFC 9110 section 9.2.1). */
export function isSafe(method: string): boolean {
  return METHODS.has(method);
}
