import { nodeCrypto } from "../core/node_crypto.ts";
import * as v from "valibot";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { retryWhileLocked } from "../store/kv_locked.ts";
import { CHUNK_BYTES } from "./chunk_bytes.ts";
import type { CacheEntry } from "./entry.ts";
import { urlOf } from "./key.ts";
import { DiskBound, type DiskUse, type Place, useKey } from "./kv_disk_bound.ts";
import type { CacheTier } from "./tier.ts";
import { bytesOf, entryOf } from "./stored_bytes.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** The version of the format: records of another version are misses. */
const VERSION = 3;
/** Chunks per write: an atomic operation holds 800 KiB. */
const WRITE_CHUNKS = 12;
/** Chunks per removal: an atomic operation holds 80 KiB of keys. */
const REMOVE_CHUNKS = 200;
/** Keys per read. */
const READ_KEYS = 10;
/** Variants per key. With the longest names, their index fits into one value. */
const MAX_VARIANTS = 32;
/** The length of all names in `Vary` together (characters). */
const MAX_NAME_CHARS = 1_000;
/** The index is apart from the chunks: listing the keys of a URL reads no chunk. */
const INDEX = ["sluice", "cache", "index"] as const;
const CHUNKS = ["sluice", "cache", "chunk"] as const;

const chunkSchema = v.custom<Bytes>((value) =>
  value instanceof Uint8Array && value.buffer instanceof ArrayBuffer
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** More than any stored response (bytes). */
const MAX_BYTES = 2 ** 30;

/** A stored response in the index: the requests that select it, and where it is. */
const variantSchema = v.object({
  /** The request headers in its `Vary`, and a digest of their values. */
  names: v.array(v.pipe(v.string(), v.regex(HEADER_NAME))),
  selection: v.string(),
  /** Names the chunks; new with each write, so that no reader mixes two responses. */
  id: v.pipe(v.string(), v.uuid()),
  /** The size of all chunks (bytes), and their SHA-256. */
  size: v.pipe(count, v.maxValue(MAX_BYTES)),
  checksum: chunkSchema,
  /** When it expires, and when it was last stored to be used (wall clock, ms since 1970). */
  expiresAt: count,
  usedAt: count,
});
type Variant = v.InferOutput<typeof variantSchema>;

/** The variants of one key, newest first. */
const indexSchema = v.object({ version: v.literal(VERSION), variants: v.array(variantSchema) });

/** The options of a tier. */
export interface KvTierOptions {
  /** The bound on stored responses of all processes together (bytes); may be `Infinity`. */
  readonly maxBytes: number;
  /** Wall clock (ms since 1970). */
  readonly wall: () => number;
  /** Called when eviction, or recording a use, failed. */
  readonly onError: (error: unknown) => void;
}

/** The resolution of `usedAt` (ms): a finer one would cost more writes. */
const USED_MS = 60_000;
/** Attempts to evict a response while other processes change its index. */
const EVICT_TRIES = 3;

/**
 * Stored responses in Deno KV, shared by all processes on one store. Each is split into chunks, bytes
 * before or with the index that names them: an interrupted write leaves nothing that is read. Torn or
 * expired responses, and those of another version, are misses.
 */
export class KvTier implements CacheTier, AsyncDisposable {
  readonly #kv: Deno.Kv;
  readonly #wall: () => number;
  readonly #onError: (error: unknown) => void;
  readonly #bound: DiskBound;
  readonly #touches = new Set<Promise<void>>();

  constructor(kv: Deno.Kv, { maxBytes, wall, onError }: KvTierOptions) {
    this.#kv = kv;
    this.#wall = wall;
    this.#onError = onError;
    this.#bound = new DiskBound({ kv, maxBytes, evict: (use) => this.#evict(use), onError });
  }

  async get(key: string, request: Headers): Promise<CacheEntry | undefined> {
    const place = placeOf(key);
    let tornId: string | undefined;
    while (true) {
      const variant = await this.#find(place, request);
      if (variant === undefined || variant.id === tornId) return undefined;
      const bytes = await this.#read(place, variant);
      if (bytes) {
        if (this.#isTouchDue(variant)) this.#touchInBackground(key, request);
        return entryOf(bytes, request);
      }
      // It may have been replaced during the read.
      tornId = variant.id;
    }
  }

  async set(key: string, entry: CacheEntry, lifetimeMs: number): Promise<void> {
    const names = varyNames(entry.headers);
    if (names.join().length > MAX_NAME_CHARS) return;
    const bytes = await bytesOf(entry);
    await this.#bound.write(bytes.length, () => this.#write(key, entry, bytes, lifetimeMs));
  }

  async #write(key: string, entry: CacheEntry, bytes: Bytes, lifetimeMs: number): Promise<void> {
    const place = placeOf(key);
    const now = Math.floor(this.#wall());
    const expireIn = Math.ceil(lifetimeMs);
    const variant: Variant = {
      names: varyNames(entry.headers),
      selection: digest(entry.selection),
      id: crypto.randomUUID(),
      size: bytes.length,
      checksum: new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
      expiresAt: now + expireIn,
      usedAt: now,
    };
    const chunks = chunkKeys(place, variant).map((key, index) => ({
      key,
      value: bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
      type: "set" as const,
      expireIn,
    }));
    // The record of use comes first: an interrupted write is counted, and can be evicted.
    const usedAtKey = useKeyOf(place, variant);
    const use = { key: usedAtKey, value: variant.size, type: "set" as const, expireIn };
    while (chunks.length > WRITE_CHUNKS) {
      const atomic = this.#kv.atomic().mutate(use, ...chunks.splice(0, WRITE_CHUNKS));
      await retryWhileLocked(() => atomic.commit());
    }
    // Another process may change the index meanwhile: it is read again each time.
    while (!await this.#add(place, variant, this.#kv.atomic().mutate(use, ...chunks)));
  }

  async delete(key: string): Promise<void> {
    const place = placeOf(key);
    const { value } = await this.#kv.get(indexKey(place));
    await retryWhileLocked(() => this.#kv.delete(indexKey(place)));
    const removed = variantsOf(value);
    await this.#remove(removed.flatMap((variant) => keysOf(place, variant)));
    this.#bound.removed(removed);
  }

  async invalidate(url: string): Promise<void> {
    const url256 = digest(url);
    const keys: Deno.KvKey[] = [];
    const removed: Variant[] = [];
    for await (const { key, value } of this.#kv.list({ prefix: [...INDEX, url256] })) {
      const place: Place = [url256, String(key.at(-1))];
      const variants = variantsOf(value);
      keys.push(key, ...variants.flatMap((variant) => keysOf(place, variant)));
      removed.push(...variants);
    }
    await this.#remove(keys);
    this.#bound.removed(removed);
  }

  /** Records that a stored response is used, to the minute. */
  async touch(key: string, request: Headers): Promise<void> {
    const place = placeOf(key);
    const index = await this.#kv.get(indexKey(place));
    const stored = variantsOf(index.value);
    const variant = selected(stored, request);
    if (variant === undefined || !this.#isTouchDue(variant)) return;
    const used = { ...variant, usedAt: Math.floor(this.#wall()) };
    const variants = stored.map((other) => other === variant ? used : other);
    const atomic = this.#kv.atomic()
      .check(index)
      .set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants))
      .delete(useKeyOf(place, variant))
      .set(useKeyOf(place, used), used.size, this.#expiry([used]));
    await retryWhileLocked(() => atomic.commit());
  }

  #touchInBackground(key: string, request: Headers): void {
    const touch = this.touch(key, request).catch(this.#onError)
      .finally(() => this.#touches.delete(touch));
    this.#touches.add(touch);
  }

  #isTouchDue({ usedAt, expiresAt }: Variant): boolean {
    const now = this.#wall();
    return now - usedAt >= USED_MS && now < expiresAt;
  }

  /** Evicts everything. */
  async clear(): Promise<void> {
    await this.#bound.clear();
  }

  /** Waits for evictions and uses recorded in the background, before the store closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bound.close();
    await Promise.allSettled(this.#touches);
  }

  /** Evicts a stored response, unless it has been used since this record. */
  async #evict({ place, id, size, useKey }: DiskUse): Promise<void> {
    for (let tried = 0; tried < EVICT_TRIES; tried++) {
      const index = await this.#kv.get(indexKey(place));
      const stored = variantsOf(index.value);
      const variant = stored.find((variant) => variant.id === id);
      if (variant && variant.usedAt !== useKey[2]) return;
      const variants = stored.filter((other) => other !== variant);
      const atomic = this.#kv.atomic().check(index);
      if (variants.length === 0) atomic.delete(indexKey(place));
      else if (variant) {
        atomic.set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants));
      }
      const keys = [useKey, ...chunkKeys(place, { id, size })];
      for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
      const { ok } = await retryWhileLocked(() => atomic.commit());
      if (!ok) continue;
      await this.#remove(keys);
      return this.#bound.removed([{ size }]);
    }
  }

  #expiry(variants: readonly Variant[]): { expireIn: number } {
    const last = Math.max(...variants.map(({ expiresAt }) => expiresAt));
    return { expireIn: Math.max(1, last - Math.floor(this.#wall())) };
  }

  /**
   * Adds a variant to the index, in place of the one that the same requests select.
   * @param atomic writes its last chunks
   * @returns false when another process changed the index first
   */
  async #add(place: Place, variant: Variant, atomic: Deno.AtomicOperation): Promise<boolean> {
    const index = await this.#kv.get(indexKey(place));
    const stored = variantsOf(index.value);
    const others = stored.filter(({ selection }) => selection !== variant.selection);
    const variants = [variant, ...others].slice(0, MAX_VARIANTS);
    atomic.check(index)
      .set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants));
    // It may be in the index already: KV Connect repeats a write whose reply was lost.
    const removed = stored.filter((other) => !variants.includes(other) && other.id !== variant.id);
    const keys = removed.flatMap((other) => keysOf(place, other));
    for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
    const { ok } = await retryWhileLocked(() => atomic.commit());
    if (!ok) return false;
    await this.#remove(keys);
    this.#bound.removed(removed);
    return true;
  }

  async #remove(keys: Deno.KvKey[]): Promise<void> {
    while (keys.length > 0) {
      const atomic = this.#kv.atomic();
      for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
      await retryWhileLocked(() => atomic.commit());
    }
  }

  /** The newest variant that such requests select. */
  async #find(place: Place, request: Headers): Promise<Variant | undefined> {
    const { value } = await this.#kv.get(indexKey(place));
    return selected(variantsOf(value), request);
  }

  /** Reads all chunks; undefined when one is missing or the checksum differs. */
  async #read(place: Place, variant: Variant): Promise<Bytes | undefined> {
    const keys = chunkKeys(place, variant);
    const chunks: Bytes[] = [];
    for (let start = 0; start < keys.length; start += READ_KEYS) {
      const read = await this.#kv.getMany<unknown[]>(keys.slice(start, start + READ_KEYS));
      for (const { value } of read) {
        if (!v.is(chunkSchema, value)) return undefined;
        chunks.push(value);
      }
    }
    const bytes = joinBytes(chunks);
    const checksum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    return isSame(checksum, variant.checksum) ? bytes : undefined;
  }
}

function placeOf(key: string): Place {
  return [digest(urlOf(key)), digest(key)];
}

function indexKey(place: Place): Deno.KvKey {
  return [...INDEX, ...place];
}

function useKeyOf(place: Place, { usedAt, id }: Variant): Deno.KvKey {
  return useKey(usedAt, place, id);
}

/** All keys of a stored response except the index. */
function keysOf(place: Place, variant: Variant): Deno.KvKey[] {
  return [useKeyOf(place, variant), ...chunkKeys(place, variant)];
}

/** The first variant that such requests select. */
function selected(variants: readonly Variant[], request: Headers): Variant | undefined {
  for (const variant of variants) {
    const { names, selection } = variant;
    if (digest(selectionKey(names, request)) === selection) return variant;
  }
}

function chunkKeys(
  [, key256]: Place,
  { id, size }: Pick<Variant, "id" | "size">,
): Deno.KvKey[] {
  return Array.from(
    { length: Math.ceil(size / CHUNK_BYTES) },
    (_, index) => [...CHUNKS, key256, id, index],
  );
}

function variantsOf(index: unknown): Variant[] {
  return v.is(indexSchema, index) ? index.variants : [];
}

/**
 * Hashes a key: KV bounds their length, and they may contain secrets. For texts so short, Web Crypto
 * would take ten times as long.
 */
function digest(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("hex");
}

function isSame(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
