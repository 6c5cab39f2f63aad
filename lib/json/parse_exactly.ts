import { readExactly } from "./read_exactly.ts";

/**
 * Parses JSON so that JSON.stringify writes each number unchanged: those that JavaScript would
 * change become ExactNumbers.
 * @throws {SyntaxError} when it is not JSON
 * @throws {RangeError} when it is nested too deeply for the stack
 */
export function parseExactly(text: string): unknown {
  JSON.parse(text);
  return readExactly(text);
}
