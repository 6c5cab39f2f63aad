/** How much wider each bucket is than the one before. */
const GROWTH = 1.1;
/** The upper bound of the first bucket (ms). */
const FIRST_MS = 0.5;
/** Buckets up to 100 s; longer durations count as that. */
const BUCKETS = Math.ceil(Math.log(100_000 / FIRST_MS) / Math.log(GROWTH)) + 1;
const PER_LOG = 1 / Math.log(GROWTH);

/**
 * Counts of durations, for their quantiles: in buckets that grow by a tenth, so that a quantile is
 * exact to a tenth, in 512 bytes whatever the traffic.
 */
export class DurationCounts {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  /** Counts a duration (ms). */
  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) * PER_LOG);
    const place = Math.min(bucket, BUCKETS - 1);
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#total++;
  }

  /** Adds all that another one has counted. */
  addAll(other: DurationCounts): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + (other.#counts[bucket] ?? 0);
    }
    this.#total += other.#total;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#total === 0) return;
    this.#counts.fill(0);
    this.#total = 0;
  }

  /**
   * The durations that these shares of all do not exceed (ms), each rounded up to its bucket's bound;
   * null without any.
   * @param shares from 0 to 1, ascending
   */
  quantiles(shares: readonly number[]): (number | null)[] {
    if (this.#total === 0) return shares.map(() => null);
    let count = 0;
    let bucket = -1;
    return shares.map((share) => {
      while (bucket < BUCKETS - 1 && (bucket < 0 || count < share * this.#total)) {
        count += this.#counts[++bucket] ?? 0;
      }
      return FIRST_MS * GROWTH ** bucket;
    });
  }
}
