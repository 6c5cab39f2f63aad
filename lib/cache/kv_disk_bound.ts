import * as v from "valibot";
import { isLocked } from "../store/kv_locked.ts";
import { Semaphore } from "../async/semaphore.ts";
import { CHUNK_BYTES } from "./chunk_bytes.ts";

/** Where the responses of a key are stored: the digests of its URL and of the whole key. */
export type Place = readonly [url256: string, key256: string];

/** A record of use: a stored response as the bound counts it. */
export interface DiskUse {
  /** The key of the record. */
  readonly useKey: Deno.KvKey;
  readonly place: Place;
  readonly id: string;
  /** The size of all chunks (bytes). */
  readonly size: number;
}

/** Dependencies of the bound. */
export interface DiskBoundOptions {
  readonly kv: Deno.Kv;
  /** The bound on all stored responses together (bytes); `Infinity` for none. */
  readonly maxBytes: number;
  /** Evicts a stored response, unless it has been used since. */
  readonly evict: (use: DiskUse) => Promise<void>;
  /** Called when eviction failed; the next write tries again. */
  readonly onError: (error: unknown) => void;
}

/** The overhead of a stored response: its index and keys, and the key of each chunk (bytes). */
const ENTRY_BYTES = 1_500;
const CHUNK_OVERHEAD_BYTES = 1_500;
/** Eviction starts above the high share of the bound, and ends at the low one. */
const HIGH_SHARE = 0.9;
const LOW_SHARE = 0.8;
/** After writing this share of the bound, a process counts again what all have stored. */
const RECOUNT_SHARE = 1 / 32;
/**
 * How many write at once, and how many bytes may wait to be written. The rate limits' buckets are in the
 * same store, and would wait behind a flood of responses.
 */
const WRITERS = 2;
const MAX_WRITING_BYTES = 16 * 1024 * 1024;
const NEVER = new AbortController().signal;
/** How many records are read at once, and how many responses evicted. */
const BATCH = 500;
const EVICTED_AT_ONCE = 4;

const PREFIX: Deno.KvKey = ["sluice", "cache-use"];
const keySchema = v.tuple([
  v.literal("sluice"),
  v.literal("cache-use"),
  v.number(),
  v.string(),
  v.string(),
  v.pipe(v.string(), v.uuid()),
]);
const sizeSchema = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/**
 * The key of a record of use, whose value is the size. The least recently used sort first.
 * @param usedAt wall clock (ms since 1970)
 */
export function useKey(usedAt: number, place: Place, id: string): Deno.KvKey {
  return [...PREFIX, usedAt, ...place, id];
}

/**
 * Bounds the disk space of stored responses: Deno KV itself has no bound. Each response has a record of
 * use, written and expiring with it, so that the records alone say how much is stored, after a restart
 * and to every process on the same store. Each process counts what it writes, and reads the records
 * again now and then, so that all processes together stay near the bound.
 */
export class DiskBound {
  readonly #options: DiskBoundOptions;
  /** What is stored, as far as this process knows (bytes). */
  #used = 0;
  /** What it is writing, and what it has written since the last count (bytes). */
  #writing = 0;
  #written = 0;
  /** Resolves after the first count. */
  #counted = Promise.withResolvers<void>();
  #isCounted = false;
  readonly #writers = new Semaphore({ max: WRITERS, queue: Infinity });
  #sweeping: Promise<void> | undefined;
  #clearing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: DiskBoundOptions) {
    this.#options = options;
  }

  /**
   * Writes a response of `size` bytes if there is room and the writers are not too busy. Without room
   * it skips the write, and makes room for later ones.
   */
  async write(size: number, write: () => Promise<void>): Promise<void> {
    if (this.#options.maxBytes === Infinity) return await write();
    if (!await this.#reserve(size)) return;
    const acquired = this.#writers.acquire(NEVER);
    if (acquired instanceof Promise) await acquired;
    try {
      await write();
    } finally {
      this.#writers.release();
      this.#writing -= costOf(size);
      this.#written += costOf(size);
    }
  }

  async #reserve(size: number): Promise<boolean> {
    const { maxBytes } = this.#options;
    const bytes = costOf(size);
    if (this.#isClosed) return false;
    if (bytes > maxBytes * LOW_SHARE) return false;
    if (!this.#isCounted) {
      this.#sweep();
      await this.#counted.promise;
    }
    const isBusy = this.#writing > 0 && this.#writing + bytes > MAX_WRITING_BYTES;
    const hasRoom = !isBusy && this.#used + bytes <= maxBytes;
    if (hasRoom) {
      this.#used += bytes;
      this.#writing += bytes;
    }
    if (this.#isHigh || this.#writing + this.#written > maxBytes * RECOUNT_SHARE) this.#sweep();
    return hasRoom;
  }

  /** Counts stored responses that were removed. */
  removed(gone: readonly { readonly size: number }[]): void {
    for (const { size } of gone) this.#used = Math.max(0, this.#used - costOf(size));
  }

  /** Evicts everything. */
  clear(): Promise<void> {
    this.#clearing ??= this.#evictUntil(() => false).finally(() => this.#clearing = undefined);
    return this.#clearing;
  }

  /** Waits for evictions in the background to end, before the store closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled([this.#sweeping, this.#clearing]);
  }

  get #isHigh(): boolean {
    return this.#used > this.#options.maxBytes * HIGH_SHARE;
  }

  #sweep(): void {
    this.#sweeping ??= this.#evictWhileHigh()
      .catch((error) => {
        // Another process holds the file: the next write tries again.
        if (!isLocked(error)) this.#options.onError(error);
        this.#counted.resolve(); // the waiting writes go ahead
        this.#counted = Promise.withResolvers();
      })
      .finally(() => this.#sweeping = undefined);
  }

  /** Evicts again and again while writes keep it above the high share. */
  async #evictWhileHigh(): Promise<void> {
    do await this.#recountAndEvict(); while (
      this.#writing + this.#written > 0 && this.#isHigh && !this.#isClosed
    );
  }

  async #recountAndEvict(): Promise<void> {
    const { maxBytes } = this.#options;
    this.#written = 0;
    let used = 0;
    for await (const { size } of this.#uses()) used += costOf(size);
    // What was written meanwhile may count twice, which is the safe side.
    this.#used = used + this.#writing + this.#written;
    this.#isCounted = true;
    this.#counted.resolve();
    if (!this.#isHigh) return;
    await this.#evictUntil(() => this.#used <= maxBytes * LOW_SHARE);
  }

  /** Evicts the least recently used, several at once: Deno KV groups their writes. */
  async #evictUntil(isEnough: () => boolean): Promise<void> {
    const next: DiskUse[] = [];
    const evict = () => Promise.all(next.splice(0).map((use) => this.#options.evict(use)));
    for await (const use of this.#uses()) {
      if (isEnough()) return;
      next.push(use);
      if (next.length === EVICTED_AT_ONCE) await evict();
    }
    await evict();
  }

  async *#uses(): AsyncGenerator<DiskUse, void, void> {
    const { kv } = this.#options;
    for await (const { key, value } of kv.list({ prefix: PREFIX }, { batchSize: BATCH })) {
      if (this.#isClosed) return;
      if (!v.is(keySchema, key) || !v.is(sizeSchema, value)) await kv.delete(key);
      else yield { useKey: key, place: [key[3], key[4]], id: key[5], size: value };
    }
  }
}

function costOf(size: number): number {
  return size + ENTRY_BYTES + Math.ceil(size / CHUNK_BYTES) * CHUNK_OVERHEAD_BYTES;
}
