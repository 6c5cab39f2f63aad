/** Counts work in flight, so that its end can be waited for. */
export class InFlight {
  #count = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  /** How much is in flight. */
  get count(): number {
    return this.#count;
  }

  /** Begins one piece of work. */
  enter(): void {
    this.#count++;
  }

  /** Ends one. */
  leave(): void {
    if (--this.#count === 0) this.#idle?.resolve();
  }

  /** Resolves when nothing is in flight. To be called only when nothing more begins. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers();
    return this.#idle.promise;
  }
}
