const STATUSES = new Set([204, 205, 304]);

/** Whether a response has no body, whatever its headers say (RFC 9110 section 6.4.1). */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || STATUSES.has(status);
}
