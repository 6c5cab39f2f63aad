import * as v from "valibot";
import { isLocked } from "../store/kv_locked.ts";
import { Semaphore } from "../async/semaphore.ts";
import { CHUNK_BYTES } from "./chunk_bytes.ts";

/** Where the responses under a key are: the digests of its address, and of the whole key. */
export type Place = readonly [url256: string, key256: string];

/** A stored response as it counts for the bound. */
export interface DiskUse {
  /** Under which it stands in the record of uses. */
  readonly useKey: Deno.KvKey;
  readonly place: Place;
  readonly id: string;
  /** All chunks together (bytes). */
  readonly size: number;
}

/** What the bound needs. */
export interface DiskBoundOptions {
  readonly kv: Deno.Kv;
  /** What all stored responses together may take (bytes); `Infinity` for no bound. */
  readonly maxBytes: number;
  /** Removes a stored response, unless it was used since. */
  readonly evict: (use: DiskUse) => Promise<void>;
  /** Told why room could not be made; it is tried again at the next write. */
  readonly onError: (error: unknown) => void;
}

/** What a stored response takes besides its bytes: its index and keys, and those of each chunk. */
const ENTRY_BYTES = 1_500;
const CHUNK_OVERHEAD_BYTES = 1_500;
/** From where on room is made, and how much is left then. */
const HIGH_SHARE = 0.9;
const LOW_SHARE = 0.8;
/** How much this process writes before it looks at what all processes have stored. */
const RECOUNT_SHARE = 1 / 32;
/**
 * How many write at once, and how much may wait for it (bytes). The limits' counters stand in the same
 * store, and would wait behind whatever a flood of responses gives it to write.
 */
const WRITERS = 2;
const MAX_WRITING_BYTES = 16 * 1024 * 1024;
const NEVER = new AbortController().signal;
/** How many records are read, and responses evicted, at once. */
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
 * The key of a use record, whose value is the size. Sorted by it, the least recently used come first.
 * @param usedAt wall clock (ms since 1970)
 */
export function useKey(usedAt: number, place: Place, id: string): Deno.KvKey {
  return [...PREFIX, usedAt, ...place, id];
}

/**
 * Bounds what stored responses take of a Deno KV, which has no bound of its own. Each stands in a
 * record of uses, written with it and expiring with it: the records alone say how much there is,
 * after a restart and to every process on the same store. Each process counts what it writes itself,
 * and reads the records again now and then, so that all of them together stay near the bound.
 */
export class DiskBound {
  readonly #options: DiskBoundOptions;
  /** What there is, as far as this process knows (bytes). */
  #used = 0;
  /** What it is writing, and what it has written since it began to count (bytes). */
  #writing = 0;
  #written = 0;
  /** Resolves once it has counted for the first time. */
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
   * Writes a response of so many bytes, if there is room for it, and not too much is being written.
   * Where there is no room, it is being made for those that come later.
   */
  async write(size: number, write: () => Promise<void>): Promise<void> {
    if (this.#options.maxBytes === Infinity) return await write();
    if (!await this.#reserve(size)) return;
    const taken = this.#writers.acquire(NEVER);
    if (taken instanceof Promise) await taken;
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

  /** Tells of stored responses that were removed. */
  removed(gone: readonly { readonly size: number }[]): void {
    for (const { size } of gone) this.#used = Math.max(0, this.#used - costOf(size));
  }

  /** Removes everything that is stored. */
  clear(): Promise<void> {
    this.#clearing ??= this.#evictUntil(() => false).finally(() => this.#clearing = undefined);
    return this.#clearing;
  }

  /** Ends what it does behind the writes: the store is about to be closed. */
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
        // Others write: whoever does next makes room.
        if (!isLocked(error)) this.#options.onError(error);
        this.#counted.resolve(); // those who wait take it that there is room
        this.#counted = Promise.withResolvers();
      })
      .finally(() => this.#sweeping = undefined);
  }

  /** Makes room, again for what was written meanwhile. */
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
    // What was written meanwhile may have been counted twice, which errs on the safe side.
    this.#used = used + this.#writing + this.#written;
    this.#isCounted = true;
    this.#counted.resolve();
    if (!this.#isHigh) return;
    await this.#evictUntil(() => this.#used <= maxBytes * LOW_SHARE);
  }

  /** Evicts the least recently used, several at once: Deno KV then writes them together. */
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
