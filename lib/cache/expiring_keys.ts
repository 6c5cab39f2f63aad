/**
 * A bounded set of keys, each of which expires.
 *
 * In two generations, of which the older is forgotten as a whole: to delete the oldest key of a Map
 * again and again takes V8 ever longer.
 */
export class ExpiringKeys {
  /** When each expires (monotonic ms). */
  #young = new Map<string, number>();
  #old = new Map<string, number>();

  /**
   * @param most how many keys at once
   * @param lifetimeMs how long each counts (ms)
   * @param now a monotonic clock (ms)
   */
  constructor(
    readonly most: number,
    readonly lifetimeMs: number,
    readonly now: () => number,
  ) {}

  /** Whether the key was added within the lifetime, and not too many since. */
  has(key: string): boolean {
    const expiresAt = this.#young.get(key) ?? this.#old.get(key);
    return expiresAt !== undefined && this.now() < expiresAt;
  }

  /** Adds a key, or renews it. */
  add(key: string): void {
    this.#young.set(key, this.now() + this.lifetimeMs);
    if (this.#young.size < this.most / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  /** Removes a key. */
  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }
}
