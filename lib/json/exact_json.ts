import { ExactNumber } from "./exact_number.ts";

/**
 * Parses JSON so that JSON.stringify writes each number as it came: those that JavaScript would
 * change are {@linkcode ExactNumber}s.
 * @throws {SyntaxError} when it is not JSON
 * @throws {RangeError} when it is nested too deeply for the stack
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, changedAlone);
}

/**
 * Parses JSON with every number as an {@linkcode ExactNumber}.
 * @throws {SyntaxError} when it is not JSON
 * @throws {RangeError} when it is nested too deeply for the stack
 */
export function parseAllExactly(text: string): unknown {
  return JSON.parse(text, every);
}

type Revived = { readonly source?: string };

function changedAlone(_key: string, value: unknown, { source }: Revived = {}): unknown {
  return typeof value === "number" && source !== undefined && String(value) !== source
    ? new ExactNumber(source)
    : value;
}

function every(_key: string, value: unknown, { source }: Revived = {}): unknown {
  return typeof value === "number" && source !== undefined ? new ExactNumber(source) : value;
}
