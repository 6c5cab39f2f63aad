import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { type BucketLevel, fullBucket, recordLifetimeMs, refill } from "../bucket.ts";
import { leaseTermMs } from "../leases/lease.ts";
import type { Charge } from "../limit.ts";
import type { BucketStore, StoredBucket } from "../stores/bucket_store.ts";

/** Dependencies of a ledger. */
export interface LedgerOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Drops what this process knows of buckets. */
  readonly forget: (keys: readonly string[]) => void;
  /** The tokens of a bucket that this process has leased. */
  readonly leasedTokens: (key: string) => number;
  /** Called with failures of the store. */
  readonly onError: (error: unknown) => void;
}

/** The state of a bucket in the store. */
export interface LedgerEntry {
  readonly charge: Charge;
  readonly level: BucketLevel;
  /** Tokens that this process has leased besides; leases of other processes are unknown. */
  readonly leased: number;
  /** Whether the store has a record; without one the bucket is full. */
  readonly isStored: boolean;
}

/** Attempts to reset a bucket while requests write it, and the time between them (ms). */
const ATTEMPTS = 50;
const WAIT_MS = 2;
/** How much longer than necessary a record lives after a reset, and a seal lasts (ms). */
const MARGIN_MS = 2_000;

const NONE: StoredBucket = { level: undefined, version: null };

/** Shows and resets buckets in the store, for the operator. */
export class Ledger {
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Reads the levels of buckets. @throws {GatewayError} `limiter-unavailable` */
  async read(charges: readonly Charge[]): Promise<LedgerEntry[]> {
    const stored = await this.#withStore((store) => store.read(charges.map(({ key }) => key)));
    const now = this.#options.clock.wall();
    return charges.map((charge, index) => {
      const known = stored[index]?.level;
      const { shape } = charge.limit;
      const level = refill(known ?? fullBucket(shape, now), shape, now, 0);
      const leased = this.#options.leasedTokens(charge.key);
      return { charge, level, leased, isStored: known !== undefined };
    });
  }

  /**
   * Resets buckets to full. Tokens taken before are never refunded after, and leases have ended by then:
   * a bucket with a lease is first sealed against new leases, and resets when the lease ends, within a
   * second and three times the clock skew. The reset takes effect here at once, and in other processes
   * with their next write, or after the second for which they deny without the store.
   * @returns how many buckets had a record
   * @throws {GatewayError} `limiter-unavailable`; some may have been resets then
   */
  async reset(charges: readonly Charge[]): Promise<number> {
    const stored = await this.#withStore((store) => store.read(charges.map(({ key }) => key)));
    const resets = charges.map(async (charge, index) => {
      const known = stored[index] ?? NONE;
      if (known.version === null) return 0;
      await this.#withStore((store) => this.#fill(store, charge, known));
      return 1;
    });
    try {
      return (await Promise.all(resets)).reduce<number>((sum, one) => sum + one, 0);
    } finally {
      this.#options.forget(charges.map(({ key }) => key));
    }
  }

  /** Overwrites any version: requests may write the bucket all the time. */
  async #fill(store: BucketStore, { key, limit }: Charge, first: StoredBucket): Promise<void> {
    const { clock, random } = this.#options;
    const { shape } = limit;
    const longestMs = leaseTermMs(shape) + 3 * store.skewMs;
    let known = first;
    /** The grant of the last lease that has ended. */
    let endedAt: number | undefined;
    for (let tried = 1; tried <= ATTEMPTS; tried++) {
      const { level, version } = known;
      if (version === null) return;
      const now = clock.wall();
      const leasedMs = level?.leasedAt === undefined || level.leasedAt === endedAt
        ? 0
        : Math.min(longestMs, level.leasedAt + longestMs - store.skewMs - now);
      const next: BucketLevel = level && leasedMs > 0
        ? { ...level, sealedUntil: now + leasedMs + 3 * store.skewMs + MARGIN_MS }
        : { ...fullBucket(shape, now), resetAt: Math.max(now, (level?.resetAt ?? 0) + 1) };
      const lifetimeMs = recordLifetimeMs(next, shape, now) + 2 * store.skewMs + MARGIN_MS;
      const isWritten =
        await store.commit([{ key, level: next, version, lifetimeMs }]) !== undefined;
      if (isWritten && next.resetAt !== level?.resetAt) return;
      if (isWritten) {
        await clock.sleep(leasedMs);
        endedAt = level?.leasedAt;
      } else await clock.sleep(random() * WAIT_MS);
      known = (await store.read([key]))[0] ?? NONE;
    }
    throw new Error(`${key} was written by others in each of ${ATTEMPTS} attempts to reset it`);
  }

  async #withStore<T>(work: (store: BucketStore) => Promise<T>): Promise<T> {
    const { store, onError } = this.#options;
    try {
      return await work(store);
    } catch (error) {
      onError(error);
      throw new GatewayError("limiter-unavailable", "the store is unavailable", {
        headers: { "retry-after": "1" },
        cause: error,
      });
    }
  }
}
