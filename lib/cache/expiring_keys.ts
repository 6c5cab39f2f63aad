/** A bounded set of keys, each of which expires: the oldest is forgotten first. */
export class ExpiringKeys {
  /** When each expires (monotonic ms), the oldest first. */
  readonly #expiries = new Map<string, number>();

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

  /** Whether the key was added within the lifetime. */
  has(key: string): boolean {
    const expiresAt = this.#expiries.get(key);
    return expiresAt !== undefined && this.now() < expiresAt;
  }

  /** Adds a key, or renews it. */
  add(key: string): void {
    const expiries = this.#expiries;
    expiries.delete(key);
    expiries.set(key, this.now() + this.lifetimeMs);
    if (expiries.size <= this.most) return;
    for (const oldest of expiries.keys()) {
      expiries.delete(oldest);
      return;
    }
  }

  /** Removes a key. */
  delete(key: string): void {
    this.#expiries.delete(key);
  }
}
