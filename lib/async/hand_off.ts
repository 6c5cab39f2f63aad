import { abortable } from "@std/async";

/** Hands items from producers to one consumer: `offer` waits until its item is taken. */
export class HandOff<T extends object> {
  readonly #offers = new Map<T, () => void>();
  #arrived = Promise.withResolvers<void>();

  /**
   * Offers an item; resolves once it was taken.
   * @throws the signal's reason when that aborts first; the item is then withdrawn
   */
  async offer(item: T, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const taken = Promise.withResolvers<void>();
    this.#offers.set(item, taken.resolve);
    this.#arrived.resolve();
    try {
      await abortable(taken.promise, signal);
    } catch {
      signal.throwIfAborted();
    } finally {
      this.#offers.delete(item);
    }
  }

  /** Takes the item that has waited longest; undefined when there is none. */
  take(): T | undefined {
    for (const [item, resolve] of this.#offers) {
      this.#offers.delete(item);
      resolve();
      return item;
    }
    return undefined;
  }

  /** Resolves once there is an item to take. */
  arrival(): Promise<void> {
    if (this.#offers.size > 0) return Promise.resolve();
    this.#arrived = Promise.withResolvers();
    return this.#arrived.promise;
  }
}
