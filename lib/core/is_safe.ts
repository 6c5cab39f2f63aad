import type { Call } from "./source.ts";

const METHODS = new Set(["GET", "HEAD", "OPTIONS", "QUERY", "TRACE"]);

/**
 * Whether a call is safe, so that it can be repeated: by its method (RFC 9110 section 9.2.1, RFC 10008
 * section 2), or because the config says so.
 */
export function isSafe({ method, isSafe = false }: Pick<Call, "method" | "isSafe">): boolean {
  return isSafe || METHODS.has(method);
}
