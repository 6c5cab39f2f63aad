/** Thrown when an expression reads more than it may. */
export class TooMuchWork extends Error {
  /** The name in a stack trace. */
  override readonly name = "TooMuchWork";

  constructor() {
    super(`it reads more than ${MAX_STEPS} values`);
  }
}

/** How many members, items and keys one evaluation may read. */
const MAX_STEPS = 10_000;
/** How many characters of a string cost as much as a value. */
const STEP_LENGTH = 8;
/** The whole numbers of CEL have 64 bits. */
const INT_BITS = 64;

const WHOLE = /^-?\d+$/;

/**
 * Gives an expression a view of values that counts what it reads, so that its work is bounded
 * whatever its loops and its data are: an expression runs synchronously, and nothing else could stop
 * it. Numbers that JavaScript would change are read as CEL's integers, with every digit.
 */
export class BoundedView {
  #steps = 0;
  readonly #handler: ProxyHandler<object> = {
    get: (target, key) => this.of(Reflect.get(target, key)),
    ownKeys: (target) => {
      const keys = Reflect.ownKeys(target);
      this.#take(keys.length);
      return keys;
    },
  };

  /**
   * Returns the view of a value.
   * @throws {TooMuchWork}
   */
  of(value: unknown): unknown {
    this.#take(typeof value === "string" ? 1 + value.length / STEP_LENGTH : 1);
    if (typeof value !== "object" || value === null) return value;
    if (!Array.isArray(value) && !isPlain(value)) return numberOf(String(value));
    return new Proxy(Object.isFrozen(value) ? copied(value) : value, this.#handler);
  }

  #take(steps: number): void {
    this.#steps += steps;
    if (this.#steps > MAX_STEPS) throw new TooMuchWork();
  }
}

/** A proxy must not change what a frozen object says. */
function copied(value: object): object {
  return Array.isArray(value) ? [...value] : { ...value };
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function numberOf(text: string): number | bigint {
  if (!WHOLE.test(text)) return Number(text);
  const whole = BigInt(text);
  return BigInt.asIntN(INT_BITS, whole) === whole ? whole : Number(text);
}
