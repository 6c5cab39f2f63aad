/** A bounded list of the latest values: by count, and by the sum of their sizes. */
export class Ring<Value extends { readonly bytes: number }> {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #values: (Value | undefined)[] = [];
  /** The numbers of the oldest value and of the next one. */
  #first = 0;
  #next = 0;
  #bytes = 0;

  constructor({ maxCount, maxBytes }: { readonly maxCount: number; readonly maxBytes: number }) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  /** How many bytes the values have together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a value; the oldest ones leave for it. A value larger than the ring is left out. */
  push(value: Value): void {
    const { bytes } = value;
    if (bytes > this.#maxBytes) return;
    while (
      this.#next - this.#first >= this.#maxCount ||
      (this.#bytes + bytes > this.#maxBytes && this.#next > this.#first)
    ) {
      const place = this.#first++ % this.#maxCount;
      this.#bytes -= this.#values[place]?.bytes ?? 0;
      this.#values[place] = undefined;
    }
    this.#values[this.#next++ % this.#maxCount] = value;
    this.#bytes += bytes;
  }

  /** The values, the newest first. */
  *[Symbol.iterator](): Generator<Value> {
    for (let number = this.#next - 1; number >= this.#first; number--) {
      const value = this.#values[number % this.#maxCount];
      if (value) yield value;
    }
  }
}
