/**
 * Writes a text into a template as it is: doubles its braces, which would else begin a `{name}`.
 *
 * @example
 * ```ts
 * import { literal } from "sluice";
 *
 * const body = { query: literal("{ products { id title } }") };
 * ```
 */
export function literal(text: string): string {
  return text.replaceAll(/[{}]/g, "$&$&");
}
