declare global {
  interface JSON {
    /** ECMAScript's JSON.parse source text access; the compiler does not know it yet. */
    rawJSON(text: string): unknown;
  }
}

/**
 * JSON whose numbers are written again just as they came, also those that no number of ours can
 * hold (2^53 and more).
 * @throws {SyntaxError} when it is not JSON
 */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, exact);
}

function exact(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  const isInexact = typeof value === "number" && source !== undefined && String(value) !== source;
  return isInexact ? JSON.rawJSON(source) : value;
}
