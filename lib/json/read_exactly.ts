import { ExactNumber } from "./exact_number.ts";

const [TAB, LINE_FEED, CARRIAGE_RETURN, SPACE] = [0x09, 0x0a, 0x0d, 0x20] as const;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c] as const;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const [FALSE, NULL, TRUE] = [0x66, 0x6e, 0x74] as const;

/** Which numbers become an {@linkcode ExactNumber}: those that JavaScript would change, or all. */
export type ExactNumbers = "changed" | "all";

/**
 * Reads JSON that JSON.parse has accepted, so that JSON.stringify writes every number unchanged.
 *
 * Five times as fast as JSON.parse with a reviver that uses the source text, and half as fast as
 * JSON.parse without one (bench/json_bench.ts).
 * @throws {RangeError} when it is nested too deeply for the stack
 */
export function readExactly(text: string, exact: ExactNumbers = "changed"): unknown {
  return new Reader(text, exact === "all").value();
}

class Reader {
  readonly #text: string;
  readonly #isAll: boolean;
  #at = 0;

  constructor(text: string, isAll: boolean) {
    this.#text = text;
    this.#isAll = isAll;
  }

  value(): unknown {
    switch (this.#next()) {
      case OPEN_OBJECT:
        return this.#object();
      case OPEN_LIST:
        return this.#list();
      case QUOTE:
        return this.#string();
      case TRUE:
        return this.#word("true", true);
      case FALSE:
        return this.#word("false", false);
      case NULL:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at++;
    while (this.#hasMore(CLOSE_OBJECT)) {
      const name = this.#string();
      this.#next();
      this.#at++; // the colon
      const value = this.value();
      if (name === "__proto__") define(object, name, value);
      else object[name] = value;
    }
    return object;
  }

  #list(): unknown[] {
    const list: unknown[] = [];
    this.#at++;
    while (this.#hasMore(CLOSE_LIST)) list.push(this.value());
    return list;
  }

  /** Steps over a comma, or over the closing bracket. */
  #hasMore(close: number): boolean {
    const code = this.#next();
    if (code === COMMA) {
      this.#at++;
      this.#next();
      return true;
    }
    if (code === close) this.#at++;
    return code !== close && this.#at < this.#text.length;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at++;
    let isEscaped = false;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at++);
      if (code === QUOTE) break;
      if (code !== BACKSLASH) continue;
      isEscaped = true;
      this.#at++;
    }
    return isEscaped
      ? String(JSON.parse(text.slice(start, this.#at)))
      : text.slice(start + 1, this.#at - 1);
  }

  #number(): number | ExactNumber {
    const text = this.#text;
    const start = this.#at;
    while (this.#at < text.length && !endsNumber(text.charCodeAt(this.#at))) this.#at++;
    const written = text.slice(start, this.#at);
    const value = Number(written);
    return this.#isAll || String(value) !== written ? new ExactNumber(written) : value;
  }

  #word<Value>(word: string, value: Value): Value {
    this.#at += word.length;
    return value;
  }

  /** The next character that is not white space; it is not consumed. */
  #next(): number {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }
}

/** Defines an own property, as JSON.parse does, even where the `__proto__` accessor is enabled. */
function define(object: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    enumerable: true,
    writable: true,
  });
}

function endsNumber(code: number): boolean {
  return code === COMMA || code === CLOSE_LIST || code === CLOSE_OBJECT || isSpace(code);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB;
}
