import { ExactNumber } from "./exact_number.ts";

/**
 * Serializes a value as JSON; a bigint becomes a number with all its digits.
 * @param indent spaces of each level (default: everything on one line)
 * @returns undefined for what JSON cannot express, such as undefined
 * @throws {TypeError} when the value refers to itself
 */
export function writeJson(value: unknown, indent?: number): string | undefined {
  try {
    return JSON.stringify(value, undefined, indent);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, withBigints, indent); // a replacer is slower: only when needed
  }
}

function withBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? new ExactNumber(String(value)).toJSON() : value;
}
