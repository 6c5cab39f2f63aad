import { ExactNumber } from "./exact_number.ts";

/**
 * Serializes a value as JSON; a bigint becomes a number with all its digits.
 * @returns undefined for what JSON cannot express, such as undefined
 * @throws {TypeError} when the value refers to itself
 */
export function writeJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, withBigints); // a replacer is slower: only when needed
  }
}

function withBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? new ExactNumber(String(value)).toJSON() : value;
}
