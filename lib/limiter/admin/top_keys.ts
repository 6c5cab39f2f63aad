import type { Clock } from "../../core/clock.ts";
import type { BucketIdentity } from "../bucket_key.ts";
import type { Charge } from "../limit.ts";

/** What a bucket was asked for lately. */
export interface TopKey {
  readonly identity: BucketIdentity;
  readonly charge: Charge;
  /** Tokens that were taken, and requests that were refused. */
  taken: number;
  refused: number;
}

/** How far back is counted: this window and the one before (ms). */
const WINDOW_MS = 5_000;
/** How many buckets are counted in a window: the busy ones are among them early. */
const MAX_COUNTED = 10_000;

/** Counts what is asked of which bucket, in this process and in the last seconds alone. */
export class TopKeys {
  readonly #clock: Clock;
  #window = -Infinity;
  #counts = new Map<string, TopKey>();
  #before = new Map<string, TopKey>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a request's charge. @param isTaken whether it was let pass */
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

  /** Those of which most was taken or refused, and over how long that was counted (ms). */
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
