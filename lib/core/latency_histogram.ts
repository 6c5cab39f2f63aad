/** How much wider each bucket is than the one before. */
const GROWTH = 1.1;
/** The upper bound of the first bucket (ms). */
const FIRST_MS = 0.5;
/** Buckets up to 100 s; longer times count as that. */
const BUCKETS = Math.ceil(Math.log(100_000 / FIRST_MS) / Math.log(GROWTH)) + 1;
const PER_LOG = 1 / Math.log(GROWTH);

/** Past this number of observations, all counts are halved. */
const HALVED_AT = 2_000;
/** Fewer observations say nothing about a high quantile. */
const LEAST = 50;
/** After how many observations a quantile is computed again. */
const STRIDE = 25;

/**
 * Recent latencies, for their quantiles: counts in buckets that grow by a tenth, so that a quantile is
 * exact to a tenth, in 1 KiB whatever the traffic. Old observations fade: all counts are halved after
 * every thousand.
 */
export class LatencyHistogram {
  readonly #least: number;
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #sinceComputed = STRIDE;
  #share = -1;
  #computed: number | undefined;

  /** @param least minimum observations for a quantile */
  constructor(least = LEAST) {
    this.#least = least;
  }

  /** Counts a latency (ms). */
  add(ms: number): void {
    const bucket = ms <= FIRST_MS ? 0 : Math.ceil(Math.log(ms / FIRST_MS) * PER_LOG);
    const place = Math.min(bucket, BUCKETS - 1);
    this.#counts[place] = (this.#counts[place] ?? 0) + 1;
    this.#sinceComputed++;
    if (++this.#total >= HALVED_AT) this.fade(1);
  }

  /**
   * The latency that this share of the calls does not exceed (ms), rounded up to its bucket's bound;
   * undefined before there are enough observations. Cheap for one share, asked for again and again.
   * @param share from 0 to 1
   */
  quantile(share: number): number | undefined {
    if (this.#total < this.#least) return undefined;
    if (this.#share !== share || this.#sinceComputed >= STRIDE) {
      this.#share = share;
      this.#sinceComputed = 0;
      this.#computed = this.#compute(share);
    }
    return this.#computed;
  }

  #compute(share: number): number {
    const wanted = share * this.#total;
    let count = 0;
    let bucket = 0;
    for (; bucket < BUCKETS - 1; bucket++) {
      count += this.#counts[bucket] ?? 0;
      if (count >= wanted) break;
    }
    return FIRST_MS * GROWTH ** bucket;
  }

  /** Halves the weight of all observations, as many times. */
  fade(times: number): void {
    if (this.#total === 0) return;
    const factor = 0.5 ** times;
    this.#sinceComputed = STRIDE;
    this.#total = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      this.#total += this.#counts[bucket] = (this.#counts[bucket] ?? 0) * factor;
    }
  }
}
