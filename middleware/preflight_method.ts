import type { Exchange } from "./exchange.ts";

/** The method that a CORS preflight asks for; undefined for any other request. */
export function preflightMethod(
  { method, headers }: Pick<Exchange, "method" | "headers">,
): string | undefined {
  const asked = method === "OPTIONS" ? headers.get("access-control-request-method") : null;
  return asked ?? undefined;
}
