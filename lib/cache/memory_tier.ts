import { LruCache } from "../core/lru_cache.ts";
import type { CacheEntry } from "./entry.ts";
import { urlOf } from "./key.ts";
import type { CacheTier } from "./tier.ts";
import { isInWantedLanguage, selectionKey, varyNames } from "./variants.ts";

/** A stored response, with the names in its `Vary`. */
interface Variant {
  readonly entry: CacheEntry;
  readonly names: readonly string[];
}

/** The variants of one key, newest last, by the selecting headers. */
interface Variants {
  readonly bySelection: Map<string, Variant>;
  readonly bytes: number;
}

/** Variants per key: a header that differs for every client fills no more. */
const MAX_VARIANTS = 32;
/** Memory per response besides key, headers and body (bytes; measured on the heap, 50,000 responses). */
const OVERHEAD_BYTES = 2_400;

/** Stored responses in this process's memory, bounded in bytes; evicts the least recently used first. */
export class MemoryTier implements CacheTier {
  readonly #byKey: LruCache<string, Variants>;
  /** The keys of each URL. */
  readonly #byUrl = new Map<string, Set<string>>();

  /** @param maxBytes the bound on all responses together (bytes) */
  constructor(readonly maxBytes: number) {
    this.#byKey = new LruCache({
      maxSize: maxBytes,
      sizeOf: ({ bytes }) => bytes,
      onRemoved: (key) => this.#removeFromUrl(key),
    });
  }

  /** How many keys have stored responses. */
  get keys(): number {
    return this.#byKey.size;
  }

  /** The memory that they take (bytes). */
  get bytes(): number {
    return this.#byKey.totalSize;
  }

  /** The most recently used responses, at most `most`. */
  list(most: number): { key: string; entry: CacheEntry; bytes: number }[] {
    return this.#byKey.entries().flatMap(([key, { bySelection }]) =>
      [...bySelection.values()].map(({ entry }) => ({ key, entry, bytes: sizeOf(key, entry) }))
    ).take(most).toArray();
  }

  get(key: string, request: Headers): CacheEntry | undefined {
    const variants = this.#byKey.get(key);
    if (variants === undefined) return undefined;
    let newest: CacheEntry | undefined;
    for (const { entry, names } of variants.bySelection.values()) {
      if (selectionKey(names, request) === entry.selection) newest = entry;
    }
    return newest ?? inWantedLanguage(variants, request);
  }

  set(key: string, entry: CacheEntry): void {
    const bySelection = this.#byKey.peek(key)?.bySelection ?? new Map<string, Variant>();
    bySelection.delete(entry.selection);
    if (sizeOf(key, entry) <= this.maxBytes) {
      bySelection.set(entry.selection, { entry, names: varyNames(entry.headers) });
    }
    let bytes = 0;
    for (const stored of bySelection.values()) bytes += sizeOf(key, stored.entry);
    for (const [selection, oldest] of bySelection) {
      if (bySelection.size <= MAX_VARIANTS && bytes <= this.maxBytes) break;
      bySelection.delete(selection);
      bytes -= sizeOf(key, oldest.entry);
    }
    if (bySelection.size === 0) this.#byKey.delete(key);
    else {
      const url = urlOf(key);
      this.#byUrl.set(url, (this.#byUrl.get(url) ?? new Set()).add(key));
      this.#byKey.set(key, { bySelection, bytes });
    }
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** Removes everything. */
  clear(): void {
    this.#byKey.clear();
  }

  delete(key: string): void {
    this.#byKey.delete(key);
  }

  invalidate(url: string): void {
    for (const key of this.#byUrl.get(url) ?? []) this.#byKey.delete(key);
  }

  #removeFromUrl(key: string): void {
    const url = urlOf(key);
    const keys = this.#byUrl.get(url);
    keys?.delete(key);
    if (keys?.size === 0) this.#byUrl.delete(url);
  }
}

/** The newest variant in the language that the request prefers. */
function inWantedLanguage({ bySelection }: Variants, request: Headers): CacheEntry | undefined {
  if (!request.has("accept-language")) return undefined;
  return [...bySelection.values()].findLast(({ entry: { headers } }) =>
    isInWantedLanguage(headers, request)
  )?.entry;
}

function sizeOf(key: string, { headers, body, selection, url }: CacheEntry): number {
  let bytes = OVERHEAD_BYTES + 2 * (key.length + selection.length + url.length) +
    (body.length ?? 0);
  for (const [name, value] of headers) bytes += 2 * (name.length + value.length);
  return bytes;
}
