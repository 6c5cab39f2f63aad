import { ExactNumber } from "./exact_number.ts";

/**
 * A value as JSON, also where it holds bigints, which are written as numbers with all their digits.
 * @returns undefined for what JSON does not have, such as undefined
 * @throws {TypeError} when it goes round in a circle
 */
export function writeJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, withBigints); // a replacer costs more: only where it is needed
  }
}

function withBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? new ExactNumber(String(value)).toJSON() : value;
}
