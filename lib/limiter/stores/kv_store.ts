import { unlocked } from "../../store/kv_locked.ts";
import { DEFAULTS } from "../../core/defaults.ts";
import type { BucketLevel } from "../bucket.ts";
import type { BucketStore, BucketWrite, StoredBucket } from "./bucket_store.ts";

/** How many keys Deno KV reads at once. */
const READ_KEYS = 10;

/** What differs between the backends of Deno KV. */
export interface KvBackend {
  /** Checks that one atomic operation may hold: 100 on a local file, 10 over KV Connect. */
  readonly maxWrites: number;
  /** A local file does one commit after another; a remote one is worth several at a time. */
  readonly concurrency: number;
  /** How much the clocks of the machines that share it may differ (ms); 0 on one machine. */
  readonly skewMs: number;
  /** How long one call may take (ms). */
  readonly timeoutMs: number;
  /** When a commit may have been sent again (ms after it was sent first); Infinity for never. */
  readonly repeatsAfterMs: number;
}

/**
 * The backend of a store on this machine. Its calls take a millisecond, or for ever: while another
 * process holds the file, Deno fails some commits at once, and has others, and all reads after them,
 * hang until it lets go.
 */
export const LOCAL_KV: KvBackend = {
  maxWrites: 100,
  concurrency: 2,
  skewMs: 0,
  timeoutMs: 300,
  repeatsAfterMs: Infinity,
};
/**
 * The backend of a store that several machines share. Deno sends a commit of which the answer was
 * lost again after 200 to 300 ms; its check then meets what the first one wrote.
 */
export const REMOTE_KV: KvBackend = {
  maxWrites: 10,
  concurrency: 16,
  skewMs: 500,
  timeoutMs: DEFAULTS.storeTimeoutMs,
  repeatsAfterMs: 190,
};

/**
 * How long a commit is repeated while another process writes to the file (ms). Writes take less than
 * a millisecond each: whoever holds the file for longer has stopped, or copies it.
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
    const result = await unlocked(() => atomic.commit(), { boundMs: LOCKED_MS });
    return result.ok ? result.versionstamp : undefined;
  }
}

function keyOf(key: string): Deno.KvKey {
  return ["sluice", "bucket", key];
}

/** As short as it can be: most buckets are neither leased of nor reset. */
function valueOf({ units, at, leasedAt, resetAt, sealedUntil }: BucketLevel): unknown[] {
  const rare = [leasedAt, resetAt, sealedUntil];
  return [units, at, ...rare.slice(0, rare.findLastIndex((value) => value !== undefined) + 1)];
}

/** A record that is no bucket of ours counts as none; its version is still the one to write over. */
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
