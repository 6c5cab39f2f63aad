import { abortable } from "@std/async";

/** Hands things over one by one: who gives one waits until it is taken. */
export class HandOff<T extends object> {
  readonly #offers = new Map<T, () => void>();
  #arrived = Promise.withResolvers<void>();

  /**
   * Resolves when it was taken.
   * @throws the signal's reason when that aborts first; it is not there any more then
   */
  async offer(thing: T, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const taken = Promise.withResolvers<void>();
    this.#offers.set(thing, taken.resolve);
    this.#arrived.resolve();
    try {
      await abortable(taken.promise, signal);
    } catch {
      signal.throwIfAborted();
    } finally {
      this.#offers.delete(thing);
    }
  }

  /** The one that has waited longest; undefined when none does. */
  take(): T | undefined {
    for (const [thing, resolve] of this.#offers) {
      this.#offers.delete(thing);
      resolve();
      return thing;
    }
    return undefined;
  }

  /** Resolves when something is there to be taken. */
  arrival(): Promise<void> {
    if (this.#offers.size > 0) return Promise.resolve();
    this.#arrived = Promise.withResolvers();
    return this.#arrived.promise;
  }
}
