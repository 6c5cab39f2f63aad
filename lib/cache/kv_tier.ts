import * as v from "valibot";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { unlocked } from "../store/kv_locked.ts";
import { CHUNK_BYTES } from "./chunk_bytes.ts";
import type { CacheEntry } from "./entry.ts";
import { urlOf } from "./key.ts";
import { DiskBound, type DiskUse, type Place, useKey } from "./kv_disk_bound.ts";
import type { CacheTier } from "./tier.ts";
import { bytesOf, entryOf } from "./stored_bytes.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** Changes with the form of records: what another version wrote is a miss. */
const VERSION = 3;
/** How many chunks are written at once: Deno KV takes 800 KiB. */
const WRITE_CHUNKS = 12;
/** How many chunks are removed at once: Deno KV takes 80 KiB of keys. */
const REMOVE_CHUNKS = 200;
/** How many keys Deno KV reads at once. */
const READ_KEYS = 10;
/** How many answers one key may have. With the longest names, they fit into one value. */
const MAX_VARIANTS = 32;
/** How long the names of the request headers may be that chose an answer, all together. */
const MAX_NAME_CHARS = 1_000;
/** Apart from the chunks, so that those of an address can be listed without reading any. */
const INDEX = ["sluice", "cache", "index"] as const;
const CHUNKS = ["sluice", "cache", "chunk"] as const;

const bytes = v.custom<Bytes>((value) =>
  value instanceof Uint8Array && value.buffer instanceof ArrayBuffer
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** More than any answer that is kept. */
const MAX_BYTES = 2 ** 30;

/** Which requests an answer is for, and where it is. */
const variantSchema = v.object({
  /** The request headers that chose it, and a digest of what they said. */
  names: v.array(v.pipe(v.string(), v.regex(HEADER_NAME))),
  selection: v.string(),
  /** Names the chunks; new with each write, so that no reader meets chunks of two answers. */
  id: v.pipe(v.string(), v.uuid()),
  /** The length of all chunks together, and their SHA-256. */
  size: v.pipe(count, v.maxValue(MAX_BYTES)),
  checksum: bytes,
  /** Until when it can be of use, and when it was last known to be (wall clock, ms since 1970). */
  expiresAt: count,
  usedAt: count,
});
type Variant = v.InferOutput<typeof variantSchema>;

/** The answers under one key, the newest first. */
const indexSchema = v.object({ version: v.literal(VERSION), variants: v.array(variantSchema) });

/** How the room that a tier takes is bounded. */
export interface KvTierOptions {
  /** What all stored responses together may take, also those of other processes (bytes); may be `Infinity`. */
  readonly maxBytes: number;
  /** Wall clock (ms since 1970). */
  readonly wall: () => number;
  /** Told why room could not be made. */
  readonly onError: (error: unknown) => void;
}

/** How fine it is known when a stored response was last used (ms): finer would cost more writes. */
const USED_MS = 60_000;
/** How often a stored response is taken out again while other processes change its index. */
const EVICT_TRIES = 3;

/**
 * Answers in Deno KV, shared by all processes on one store. Each stands in chunks, which are written
 * before or with the index that names them: a write that breaks off leaves nothing that is read.
 * What is replaced or deleted is removed. What is torn, expired or of another version is a miss.
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
    const place = await placeOf(key);
    let tornId: string | undefined;
    while (true) {
      const variant = await this.#find(place, request);
      if (variant === undefined || variant.id === tornId) return undefined;
      const written = await this.#read(place, variant);
      if (written) {
        if (this.#isTouchDue(variant)) this.#touchInBackground(key, request);
        return entryOf(written, request);
      }
      // It may have been replaced while it was read.
      tornId = variant.id;
    }
  }

  async set(key: string, entry: CacheEntry, keepMs: number): Promise<void> {
    const names = varyNames(entry.headers);
    if (names.join().length > MAX_NAME_CHARS) return;
    const written = await bytesOf(entry);
    await this.#bound.write(written.length, () => this.#write(key, entry, written, keepMs));
  }

  async #write(key: string, entry: CacheEntry, written: Bytes, keepMs: number): Promise<void> {
    const place = await placeOf(key);
    const now = Math.floor(this.#wall());
    const expireIn = Math.ceil(keepMs);
    const variant: Variant = {
      names: varyNames(entry.headers),
      selection: await digest(entry.selection),
      id: crypto.randomUUID(),
      size: written.length,
      checksum: new Uint8Array(await crypto.subtle.digest("SHA-256", written)),
      expiresAt: now + expireIn,
      usedAt: now,
    };
    const chunks = chunkKeys(place, variant).map((key, index) => ({
      key,
      value: written.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
      type: "set" as const,
      expireIn,
    }));
    // The record of use comes first, so that a write that breaks off is counted, and can be evicted.
    const usedAtKey = useKeyOf(place, variant);
    const use = { key: usedAtKey, value: variant.size, type: "set" as const, expireIn };
    while (chunks.length > WRITE_CHUNKS) {
      const atomic = this.#kv.atomic().mutate(use, ...chunks.splice(0, WRITE_CHUNKS));
      await unlocked(() => atomic.commit());
    }
    // Each time anew: what another process changed meanwhile is read again.
    while (!await this.#add(place, variant, this.#kv.atomic().mutate(use, ...chunks)));
  }

  async delete(key: string): Promise<void> {
    const place = await placeOf(key);
    const { value } = await this.#kv.get(indexKey(place));
    await unlocked(() => this.#kv.delete(indexKey(place)));
    const gone = variantsOf(value);
    await this.#remove(gone.flatMap((variant) => keysOf(place, variant)));
    this.#bound.removed(gone);
  }

  async invalidate(url: string): Promise<void> {
    const url256 = await digest(url);
    const keys: Deno.KvKey[] = [];
    const gone: Variant[] = [];
    for await (const { key, value } of this.#kv.list({ prefix: [...INDEX, url256] })) {
      const place: Place = [url256, String(key.at(-1))];
      const variants = variantsOf(value);
      keys.push(key, ...variants.flatMap((variant) => keysOf(place, variant)));
      gone.push(...variants);
    }
    await this.#remove(keys);
    this.#bound.removed(gone);
  }

  /** Remembers that a stored response is of use, to the minute. */
  async touch(key: string, request: Headers): Promise<void> {
    const place = await placeOf(key);
    const index = await this.#kv.get(indexKey(place));
    const known = variantsOf(index.value);
    const variant = await chosen(known, request);
    if (variant === undefined || !this.#isTouchDue(variant)) return;
    const used = { ...variant, usedAt: Math.floor(this.#wall()) };
    const variants = known.map((other) => other === variant ? used : other);
    const atomic = this.#kv.atomic()
      .check(index)
      .set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants))
      .delete(useKeyOf(place, variant))
      .set(useKeyOf(place, used), used.size, this.#expiry([used]));
    await unlocked(() => atomic.commit());
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

  /** Removes everything. */
  async clear(): Promise<void> {
    await this.#bound.clear();
  }

  /** Ends what it does behind the writes: the store is about to be closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bound.close();
    await Promise.allSettled(this.#touches);
  }

  /** Removes a stored response of which this use is still the last. */
  async #evict({ place, id, size, useKey }: DiskUse): Promise<void> {
    for (let tried = 0; tried < EVICT_TRIES; tried++) {
      const index = await this.#kv.get(indexKey(place));
      const known = variantsOf(index.value);
      const variant = known.find((variant) => variant.id === id);
      // It was used meanwhile, and is somewhere else in the order.
      if (variant && variant.usedAt !== useKey[2]) return;
      const variants = known.filter((other) => other !== variant);
      const atomic = this.#kv.atomic().check(index);
      if (variants.length === 0) atomic.delete(indexKey(place));
      else if (variant) {
        atomic.set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants));
      }
      const keys = [useKey, ...chunkKeys(place, { id, size })];
      for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
      const { ok } = await unlocked(() => atomic.commit());
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
   * Adds an answer in the place of the one that the same requests chose.
   * @param atomic writes the last of its chunks
   * @returns whether nobody else came first
   */
  async #add(place: Place, variant: Variant, atomic: Deno.AtomicOperation): Promise<boolean> {
    const index = await this.#kv.get(indexKey(place));
    const known = variantsOf(index.value);
    const others = known.filter(({ selection }) => selection !== variant.selection);
    const variants = [variant, ...others].slice(0, MAX_VARIANTS);
    atomic.check(index)
      .set(indexKey(place), { version: VERSION, variants }, this.#expiry(variants));
    // This very answer is known already when a write was sent twice, for its answer was lost.
    const gone = known.filter((other) => !variants.includes(other) && other.id !== variant.id);
    const keys = gone.flatMap((other) => keysOf(place, other));
    for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
    const { ok } = await unlocked(() => atomic.commit());
    if (!ok) return false;
    await this.#remove(keys);
    this.#bound.removed(gone);
    return true;
  }

  async #remove(keys: Deno.KvKey[]): Promise<void> {
    while (keys.length > 0) {
      const atomic = this.#kv.atomic();
      for (const key of keys.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
      await unlocked(() => atomic.commit());
    }
  }

  /** The newest answer for such requests. */
  async #find(place: Place, request: Headers): Promise<Variant | undefined> {
    const { value } = await this.#kv.get(indexKey(place));
    return await chosen(variantsOf(value), request);
  }

  /** Undefined when not all of it is there. */
  async #read(place: Place, variant: Variant): Promise<Bytes | undefined> {
    const keys = chunkKeys(place, variant);
    const chunks: Bytes[] = [];
    for (let start = 0; start < keys.length; start += READ_KEYS) {
      const read = await this.#kv.getMany<unknown[]>(keys.slice(start, start + READ_KEYS));
      for (const { value } of read) {
        if (!v.is(bytes, value)) return undefined;
        chunks.push(value);
      }
    }
    const written = joinBytes(chunks);
    const checksum = new Uint8Array(await crypto.subtle.digest("SHA-256", written));
    return isSame(checksum, variant.checksum) ? written : undefined;
  }
}

async function placeOf(key: string): Promise<Place> {
  return [await digest(urlOf(key)), await digest(key)];
}

function indexKey(place: Place): Deno.KvKey {
  return [...INDEX, ...place];
}

function useKeyOf(place: Place, { usedAt, id }: Variant): Deno.KvKey {
  return useKey(usedAt, place, id);
}

/** All keys of a stored response but that of the index. */
function keysOf(place: Place, variant: Variant): Deno.KvKey[] {
  return [useKeyOf(place, variant), ...chunkKeys(place, variant)];
}

/** The first of those that such requests choose. */
async function chosen(
  variants: readonly Variant[],
  request: Headers,
): Promise<Variant | undefined> {
  for (const variant of variants) {
    const { names, selection } = variant;
    if (await digest(selectionKey(names, request)) === selection) return variant;
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

/** A key of any length as one of a fixed length, which KV bounds; and secrets in it as none. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}

function isSame(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
