import type { BufferBudget } from "./buffer_budget.ts";

/** Counts bytes in a budget while at least one request holds them. */
export class HeldBytes {
  #budget: BufferBudget | undefined;
  #holders = 0;
  #counted = 0;

  /**
   * Holds them; the first holder's budget counts.
   * @param bytes how many there are so far
   * @throws {GatewayError} `overloaded`; they are then not held
   */
  hold(budget: BufferBudget, bytes: number): void {
    if (this.#holders === 0) {
      budget.take(bytes);
      this.#budget = budget;
      this.#counted = bytes;
    }
    this.#holders++;
  }

  /** Ends one `hold`. */
  release(): void {
    this.#holders--;
    if (this.#holders > 0) return;
    this.count(-this.#counted);
    this.#budget = undefined;
  }

  /**
   * Counts more bytes, or fewer.
   * @throws {GatewayError} `overloaded`
   */
  count(bytes: number): void {
    if (this.#budget === undefined) return;
    if (bytes > 0) this.#budget.take(bytes);
    else this.#budget.give(-bytes);
    this.#counted += bytes;
  }
}
