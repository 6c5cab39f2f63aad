declare global {
  interface JSON {
    /** ECMAScript's JSON.parse source text access; the compiler does not know it yet. */
    rawJSON(text: string): unknown;
  }
}

/**
 * A JSON number with the digits it was written with, which a JavaScript number might not keep:
 * `9007199254740993`, `10.10`, `1e400`.
 *
 * JSON.stringify writes it as it came, `String` gives its text, and arithmetic takes it for the
 * nearest JavaScript number.
 *
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
   * Takes a number as it is written.
   * @param text a number as JSON writes it
   * @throws {SyntaxError} when it is none
   */
  constructor(text: string) {
    if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) {
      throw new SyntaxError(`${JSON.stringify(text)} is not a JSON number`);
    }
    this.#text = text;
  }

  /** The number as it was written. */
  toString(): string {
    return this.#text;
  }

  /** The nearest JavaScript number; infinite when it is too large for one. */
  valueOf(): number {
    return Number(this.#text);
  }

  /** What JSON.stringify writes as it is. */
  toJSON(): unknown {
    return JSON.rawJSON(this.#text);
  }
}
