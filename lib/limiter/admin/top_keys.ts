import type { Clock } from "../../core/clock.ts";
import type { BucketIdentity } from "../bucket_key.ts";
import type { Charge } from "../limit.ts";

/** The recent requests of a bucket. */
export interface TopKey {
  readonly identity: BucketIdentity;
  readonly charge: Charge;
  /** Tokens that were taken, and requests that were denied. */
  taken: number;
  refused: number;
}

/** Counts cover this window and the one before (ms). */
const WINDOW_MS = 5_000;
/** Buckets counted per window: busy ones appear early in it. */
const MAX_COUNTED = 10_000;

/** Counts requests by bucket, in this process over the last seconds. */
export class TopKeys {
  readonly #clock: Clock;
  #window = -Infinity;
  #counts = new Map<string, TopKey>();
  #before = new Map<string, TopKey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a charge. @param isTaken whether it was granted */
  add(identity: BucketIdentity, charge: Charge, isTaken: boolean): void {
    this.#turn();
    let count = this.#counts.get(charge.key);
    if (count === undefined) {
      if (this.#counts.size >= MAX_COUNTED) return;
      count = { identity, charge, taken: 0, refused: 0 };
      this.#counts.set(charge.key, count);
    }
    if (isTaken) count.taken += charge.tokens;
    else count.refused++;
  }

  /** The busiest buckets, and over how long they were counted (ms). */
  top(most: number): { readonly overMs: number; readonly buckets: readonly TopKey[] } {
    this.#turn();
    const sums = new Map(this.#before);
    for (const [key, { taken, refused, ...bucket }] of this.#counts) {
      const before = this.#before.get(key);
      sums.set(key, {
        ...bucket,
        taken: taken + (before?.taken ?? 0),
        refused: refused + (before?.refused ?? 0),
      });
    }
    const buckets = [...sums.values()]
      .sort((a, b) => b.taken + b.refused - a.taken - a.refused)
      .slice(0, most);
    const inWindow = this.#clock.monotonic() - this.#window * WINDOW_MS;
    return { overMs: WINDOW_MS + inWindow, buckets };
  }

  #turn(): void {
    const window = Math.floor(this.#clock.monotonic() / WINDOW_MS);
    if (window === this.#window) return;
    this.#before = window === this.#window + 1 ? this.#counts : new Map();
    this.#counts = new Map();
    this.#window = window;
  }
}
