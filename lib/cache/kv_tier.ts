import * as v from "valibot";
import { Body } from "../body.ts";
import { type Bytes, joinBytes } from "../bytes.ts";
import { unlocked } from "../kv_locked.ts";
import type { CacheEntry } from "./entry.ts";
import { addressOf } from "./key.ts";
import type { CacheTier } from "./tier.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** Changes with the form of records: what another version wrote is a miss. */
const VERSION = 2;
/** Below the 64 KiB that Deno KV takes as one value, with room for its own framing. */
const CHUNK_BYTES = 60 * 1024;
/** How many chunks are written at once: Deno KV takes 800 KiB. */
const WRITE_CHUNKS = 12;
/** How many chunks are removed at once: Deno KV takes 80 KiB of keys. */
const REMOVE_CHUNKS = 200;
/** How many keys Deno KV reads at once. */
const READ_KEYS = 10;
/** How many answers one key may have. With the longest names, they fit into one value. */
const MOST_VARIANTS = 32;
/** How long the names of the request headers may be that chose an answer, all together. */
const MOST_NAMES = 1_000;
/** Apart from the chunks, so that those of an address can be listed without reading any. */
const INDEX = ["sluice", "cache", "index"] as const;
const CHUNKS = ["sluice", "cache", "chunk"] as const;

const bytes = v.custom<Bytes>((value) =>
  value instanceof Uint8Array && value.buffer instanceof ArrayBuffer
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** More than any answer that is kept. */
const MOST_BYTES = 2 ** 30;

/** Which requests an answer is for, and where it is. */
const variantSchema = v.object({
  /** The request headers that chose it, and a digest of what they said. */
  names: v.array(v.pipe(v.string(), v.regex(HEADER_NAME))),
  selection: v.string(),
  /** Names the chunks; new with each write, so that no reader meets chunks of two answers. */
  id: v.pipe(v.string(), v.uuid()),
  /** The length of all chunks together, and their SHA-256. */
  size: v.pipe(count, v.maxValue(MOST_BYTES)),
  checksum: bytes,
  keepMs: count,
});
type Variant = v.InferOutput<typeof variantSchema>;

/** The answers under one key, the newest first. */
const indexSchema = v.object({ version: v.literal(VERSION), variants: v.array(variantSchema) });

/** Where the answers under a key are: the digests of its address, and of the whole key. */
type Place = readonly [url256: string, key256: string];

/** An answer without its body, in JSON before it. */
const headSchema = v.object({
  status: v.pipe(count, v.minValue(200), v.maxValue(599)),
  headers: v.array(v.tuple([v.string(), v.string()])),
  requestedAt: v.number(),
  receivedAt: v.number(),
  url: v.string(),
  isAuthorized: v.boolean(),
});
type Head = v.InferOutput<typeof headSchema>;

/**
 * Answers in Deno KV, shared by all processes on one store. Each stands in chunks, which are written
 * before or with the index that names them: a write that breaks off leaves nothing that is read.
 * What is replaced or deleted is removed. What is torn, expired or of another version is a miss.
 */
export class KvTier implements CacheTier {
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  async get(key: string, request: Headers): Promise<CacheEntry | undefined> {
    const place = await placeOf(key);
    let tornId: string | undefined;
    while (true) {
      const variant = await this.#find(place, request);
      if (variant === undefined || variant.id === tornId) return undefined;
      const written = await this.#read(place, variant);
      if (written) return entryOf(written, request);
      // It may have been replaced while it was read.
      tornId = variant.id;
    }
  }

  async set(key: string, entry: CacheEntry, keepMs: number): Promise<void> {
    const names = varyNames(entry.headers);
    if (names.join().length > MOST_NAMES) return;
    const place = await placeOf(key);
    const written = await bytesOf(entry);
    const variant: Variant = {
      names,
      selection: await digest(entry.selection),
      id: crypto.randomUUID(),
      size: written.length,
      checksum: new Uint8Array(await crypto.subtle.digest("SHA-256", written)),
      keepMs: Math.ceil(keepMs),
    };
    const chunks = chunkKeys(place, variant).map((key, index) => ({
      key,
      value: written.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES),
      type: "set" as const,
      expireIn: variant.keepMs,
    }));
    while (chunks.length > WRITE_CHUNKS) {
      const atomic = this.#kv.atomic().mutate(...chunks.splice(0, WRITE_CHUNKS));
      await unlocked(() => atomic.commit());
    }
    // Each time anew: what another process changed meanwhile is read again.
    while (!await this.#add(place, variant, this.#kv.atomic().mutate(...chunks)));
  }

  async delete(key: string): Promise<void> {
    const place = await placeOf(key);
    const { value } = await this.#kv.get(indexKey(place));
    await unlocked(() => this.#kv.delete(indexKey(place)));
    await this.#remove(variantsOf(value).flatMap((variant) => chunkKeys(place, variant)));
  }

  async forget(url: string): Promise<void> {
    const url256 = await digest(url);
    const keys: Deno.KvKey[] = [];
    for await (const { key, value } of this.#kv.list({ prefix: [...INDEX, url256] })) {
      const place: Place = [url256, String(key.at(-1))];
      keys.push(key, ...variantsOf(value).flatMap((variant) => chunkKeys(place, variant)));
    }
    await this.#remove(keys);
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
    const variants = [variant, ...others].slice(0, MOST_VARIANTS);
    const expireIn = Math.max(...variants.map(({ keepMs }) => keepMs));
    atomic.check(index).set(indexKey(place), { version: VERSION, variants }, { expireIn });
    // This very answer is known already when a write was sent twice, for its answer was lost.
    const gone = known.filter((other) => !variants.includes(other) && other.id !== variant.id)
      .flatMap((other) => chunkKeys(place, other));
    for (const key of gone.splice(0, REMOVE_CHUNKS)) atomic.delete(key);
    const { ok } = await unlocked(() => atomic.commit());
    if (ok) await this.#remove(gone);
    return ok;
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
    for (const variant of variantsOf(value)) {
      const { names, selection } = variant;
      if (await digest(selectionKey(names, request)) === selection) return variant;
    }
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
  return [await digest(addressOf(key)), await digest(key)];
}

function indexKey(place: Place): Deno.KvKey {
  return [...INDEX, ...place];
}

function chunkKeys([, key256]: Place, { id, size }: Variant): Deno.KvKey[] {
  return Array.from(
    { length: Math.ceil(size / CHUNK_BYTES) },
    (_, index) => [...CHUNKS, key256, id, index],
  );
}

function variantsOf(index: unknown): Variant[] {
  return v.is(indexSchema, index) ? index.variants : [];
}

/**
 * An answer as it is written: the length of its head, the head, the body. Not what chose it, which
 * may be a Cookie: whoever reads it has said the same.
 */
async function bytesOf(entry: CacheEntry): Promise<Bytes> {
  const { status, headers, requestedAt, receivedAt, url, isAuthorized } = entry;
  const facts = { status, requestedAt, receivedAt, url, isAuthorized };
  const head: Head = { ...facts, headers: [...headers] };
  const json = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, json.length);
  return joinBytes([length, json, await entry.body.bytes(Infinity)]);
}

/** Undefined when it is not what `bytesOf` makes. */
function entryOf(written: Bytes, request: Headers): CacheEntry | undefined {
  try {
    const bodyAt = 4 + new DataView(written.buffer, written.byteOffset).getUint32(0);
    const json = new TextDecoder().decode(written.subarray(4, bodyAt));
    const { headers: lines, ...facts } = v.parse(headSchema, JSON.parse(json));
    const headers = new Headers(lines);
    const selection = selectionKey(varyNames(headers), request);
    return { ...facts, headers, selection, body: Body.of(written.subarray(bodyAt)) };
  } catch {
    return undefined;
  }
}

/** A key of any length as one of a fixed length, which KV bounds; and secrets in it as none. */
async function digest(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex();
}

function isSame(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
