import { retryWhileLocked } from "../../store/kv_locked.ts";
import { DEFAULTS } from "../../core/defaults.ts";
import type { BucketLevel } from "../bucket.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "./bucket_store.ts";

/** Keys per read. */
const READ_KEYS = 10;

/** What differs between the backends of Deno KV. */
export interface KvBackend {
  /** Checks that one atomic operation may hold: 100 on a local file, 10 over KV Connect. */
  readonly maxWrites: number;
  /** A local file commits one at a time; a remote one serves several at once. */
  readonly concurrency: number;
  /** How much the clocks of the machines that share it may differ (ms); 0 on one machine. */
  readonly skewMs: number;
  /** Timeout of one call (ms). */
  readonly timeoutMs: number;
  /** When a commit may have been sent again (ms after it was sent first); Infinity for never. */
  readonly repeatsAfterMs: number;
}

/**
 * A store on this machine. A call takes a millisecond, or hangs: while another process holds the file,
 * Deno fails some commits at once, and others, with all reads after them, wait until it is released.
 */
export const LOCAL_KV: KvBackend = {
  maxWrites: 100,
  concurrency: 2,
  skewMs: 0,
  timeoutMs: 300,
  repeatsAfterMs: Infinity,
};
/**
 * A store that several machines share. Deno sends a commit again after 200 to 300 ms when its reply was
 * lost; the second one then conflicts with the first.
 */
export const REMOTE_KV: KvBackend = {
  maxWrites: 10,
  concurrency: 16,
  skewMs: 500,
  timeoutMs: DEFAULTS.storeTimeoutMs,
  repeatsAfterMs: 190,
};

/**
 * How long a commit is retried while another process writes to the file (ms). A write takes less than a
 * millisecond: a process that holds the file for longer is suspended, or copies it.
 */
const LOCKED_MS = 250;

/** Buckets in Deno KV, one record each. */
export class KvStore implements BucketStore {
  readonly maxWrites: number;
  readonly concurrency: number;
  readonly skewMs: number;
  readonly repeatsAfterMs: number;
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv, backend: KvBackend) {
    this.#kv = kv;
    ({
      maxWrites: this.maxWrites,
      concurrency: this.concurrency,
      skewMs: this.skewMs,
      repeatsAfterMs: this.repeatsAfterMs,
    } = backend);
  }

  async read(keys: readonly string[]): Promise<StoredBucket[]> {
    const reads: Promise<Deno.KvEntryMaybe<unknown>[]>[] = [];
    for (let start = 0; start < keys.length; start += READ_KEYS) {
      reads.push(this.#kv.getMany<unknown[]>(keys.slice(start, start + READ_KEYS).map(keyOf)));
    }
    const entries = (await Promise.all(reads)).flat();
    return entries.map(({ value, versionstamp }) => ({
      level: parseLevel(value),
      version: versionstamp,
    }));
  }

  async commit(writes: readonly BucketWrite[]): Promise<string | undefined> {
    const atomic = this.#kv.atomic();
    for (const { key, level, version, lifetimeMs } of writes) {
      atomic.check({ key: keyOf(key), versionstamp: version });
      atomic.set(keyOf(key), valueOf(level), { expireIn: lifetimeMs });
    }
    const result = await retryWhileLocked(() => atomic.commit(), { boundMs: LOCKED_MS });
    return result.ok ? result.versionstamp : undefined;
  }
}

function keyOf(key: string): Deno.KvKey {
  return ["sluice", "bucket", key];
}

/** Short: most buckets have neither leases nor resets. */
function valueOf({ units, at, leasedAt, resetAt, sealedUntil }: BucketLevel): unknown[] {
  const rare = [leasedAt, resetAt, sealedUntil];
  return [units, at, ...rare.slice(0, rare.findLastIndex((value) => value !== undefined) + 1)];
}

/** Parses a record; a malformed one counts as none, and its version is overwritten. */
function parseLevel(value: unknown): BucketLevel | undefined {
  if (!Array.isArray(value)) return undefined;
  const [units, at, leasedAt, resetAt, sealedUntil]: unknown[] = value;
  if (!isCount(units) || !isCount(at)) return undefined;
  return {
    units,
    at,
    ...(isCount(leasedAt) && { leasedAt }),
    ...(isCount(resetAt) && { resetAt }),
    ...(isCount(sealedUntil) && { sealedUntil }),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
