declare global {
  interface JSON {
    /** ECMAScript's JSON.parse source text access; the compiler does not know it yet. */
    rawJSON(text: string): unknown;
  }
}

/**
 * A JSON number with all its digits, where a JavaScript number may lose some: `9007199254740993`,
 * `10.10`, `1e400`.
 *
 * JSON.stringify writes it unchanged, `String` gives its text, and arithmetic uses the nearest
 * JavaScript number.
 *
 * @example
 * ```ts
 * import { ExactNumber } from "sluice";
 *
 * const id = new ExactNumber("9007199254740993");
 * JSON.stringify({ id }); // {"id":9007199254740993}
 * BigInt(String(id)) + 1n; // 9007199254740994n
 * ```
 */
export class ExactNumber {
  readonly #text: string;

  /**
   * Creates an exact number from its text.
   * @param text a number in JSON's notation
   * @throws {SyntaxError} when it is not a JSON number
   */
  constructor(text: string) {
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) {
      throw new SyntaxError(`${JSON.stringify(text)} is not a JSON number`);
    }
    this.#text = text;
  }

  /** The number's text, unchanged. */
  toString(): string {
    return this.#text;
  }

  /** The nearest JavaScript number; infinite when it is too large for one. */
  valueOf(): number {
    return Number(this.#text);
  }

  /** Used by JSON.stringify, which writes the text unchanged. */
  toJSON(): unknown {
    return JSON.rawJSON(this.#text);
  }
}
