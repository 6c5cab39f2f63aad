import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { type BucketLevel, fullBucket, recordLifetimeMs, refill } from "../bucket.ts";
import { leaseTermMs } from "../leases/lease.ts";
import type { Charge } from "../limit.ts";
import type { BucketStore, StoredBucket } from "../stores/bucket_store.ts";

/** What a ledger needs. */
export interface LedgerOptions {
  readonly store: BucketStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Has this process forget what it knows of buckets. */
  readonly forget: (keys: readonly string[]) => void;
  /** How many tokens this process has leased of a bucket. */
  readonly leasedTokens: (key: string) => number;
  /** Told of what the store failed with. */
  readonly onError: (error: unknown) => void;
}

/** A bucket as the store has it. */
export interface LedgerEntry {
  readonly charge: Charge;
  readonly level: BucketLevel;
  /** Tokens that this process has leased beside; what others have is theirs to know. */
  readonly leased: number;
  /** Whether the store has a record of it: without one it is full. */
  readonly isStored: boolean;
}

/** How often a bucket is tried to be filled while requests take of it, and how long between (ms). */
const ATTEMPTS = 50;
const WAIT_MS = 2;
/** What a filled bucket's record lives longer than it must, and a seal than its lease (ms). */
const MARGIN_MS = 2_000;

const NONE: StoredBucket = { level: undefined, version: null };

/** The buckets in the store, for the operator. */
export class Ledger {
  readonly #options: LedgerOptions;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** What buckets have now. @throws {GatewayError} `limiter-unavailable` */
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
   * Fills buckets, and begins a new promise: what was taken before never comes back, and what is
   * leased has ended before. For that the bucket of a lease is sealed first, so that nothing more is
   * leased of it, and filled at the end of the lease: within a second, and three times the skew. It
   * is felt here at once, and by other processes when they write next, or after the second for which
   * they refuse without asking.
   * @returns how many had a record
   * @throws {GatewayError} `limiter-unavailable`; some may have been filled then
   */
  async reset(charges: readonly Charge[]): Promise<number> {
    const stored = await this.#withStore((store) => store.read(charges.map(({ key }) => key)));
    const filled = charges.map(async (charge, index) => {
      const known = stored[index] ?? NONE;
      if (known.version === null) return 0;
      await this.#withStore((store) => this.#fill(store, charge, known));
      return 1;
    });
    try {
      return (await Promise.all(filled)).reduce<number>((sum, one) => sum + one, 0);
    } finally {
      this.#options.forget(charges.map(({ key }) => key));
    }
  }

  /** Writes over whatever version there is: requests may be taking of it all the time. */
  async #fill(store: BucketStore, { key, limit }: Charge, first: StoredBucket): Promise<void> {
    const { clock, random } = this.#options;
    const { shape } = limit;
    const longestMs = leaseTermMs(shape) + 3 * store.skewMs;
    let known = first;
    /** The last lease that is known to have ended. */
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
    throw new Error(`others took of ${key} ${ATTEMPTS} times while it was filled`);
  }

  async #withStore<T>(work: (store: BucketStore) => Promise<T>): Promise<T> {
    const { store, onError } = this.#options;
    try {
      return await work(store);
    } catch (error) {
      onError(error);
      throw new GatewayError("limiter-unavailable", "the store cannot be asked", {
        headers: { "retry-after": "1" },
        cause: error,
      });
    }
  }
}
