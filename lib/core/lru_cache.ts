/** The bounds of an {@linkcode LruCache}. */
export interface LruCacheOptions<K, V> {
  /** Maximum entries (default: unlimited). */
  readonly maxEntries?: number;
  /** Maximum size of all entries together (default: unlimited). */
  readonly maxSize?: number;
  /** The size of an entry (default 0). */
  readonly sizeOf?: (value: V) => number;
  /** Called with each entry that is removed, but not when a new value replaces it. */
  readonly onRemoved?: (key: K) => void;
}

/** An entry, in a linked list from the most to the least recently used. */
interface Entry<K, V> {
  readonly key: K;
  value: V;
  size: number;
  newer: Entry<K, V> | undefined;
  older: Entry<K, V> | undefined;
}

/**
 * A map that is bounded in entries or in size, and evicts the least recently used entry first.
 *
 * Our own because the gateway must start quickly: the library `lru-cache` loads Deno's Node layer,
 * which takes as long as the rest of the runtime. The order is a linked list because a `Map` whose
 * first keys are deleted again and again walks over the deleted ones.
 */
export class LruCache<K, V> {
  readonly #maxEntries: number;
  readonly #maxSize: number;
  readonly #sizeOf: (value: V) => number;
  readonly #onRemoved: ((key: K) => void) | undefined;
  readonly #entries = new Map<K, Entry<K, V>>();
  #newest: Entry<K, V> | undefined;
  #oldest: Entry<K, V> | undefined;
  #totalSize = 0;

  constructor(
    { maxEntries = Infinity, maxSize = Infinity, sizeOf = () => 0, onRemoved }: LruCacheOptions<
      K,
      V
    >,
  ) {
    this.#maxEntries = maxEntries;
    this.#maxSize = maxSize;
    this.#sizeOf = sizeOf;
    this.#onRemoved = onRemoved;
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries.size;
  }

  /** The size of all entries together. */
  get totalSize(): number {
    return this.#totalSize;
  }

  /** The value of a key, which becomes the most recently used. */
  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry !== this.#newest) {
      this.#unlink(entry);
      this.#link(entry);
    }
    return entry.value;
  }

  /** The value of a key, without counting as a use. */
  peek(key: K): V | undefined {
    return this.#entries.get(key)?.value;
  }

  /** Whether it has the key, without counting as a use. */
  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Sets a value, and evicts others until it fits; one that cannot fit is not stored. */
  set(key: K, value: V): void {
    const size = this.#sizeOf(value);
    if (size > this.#maxSize || this.#maxEntries < 1) return this.delete(key);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = { key, value, size, newer: undefined, older: undefined };
      this.#entries.set(key, entry);
      this.#totalSize += size;
    } else {
      this.#unlink(entry);
      this.#totalSize += size - entry.size;
      entry.value = value;
      entry.size = size;
    }
    this.#link(entry);
    while (this.#oldest && this.#isOverfull) this.delete(this.#oldest.key);
  }

  /** Removes an entry, if there is one. */
  delete(key: K): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#unlink(entry);
    this.#totalSize -= entry.size;
    this.#onRemoved?.(key);
  }

  /** Removes everything. */
  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }

  /** The entries, the most recently used first. */
  *entries(): Generator<[K, V], void, void> {
    for (let entry = this.#newest; entry; entry = entry.older) yield [entry.key, entry.value];
  }

  get #isOverfull(): boolean {
    return this.#entries.size > this.#maxEntries || this.#totalSize > this.#maxSize;
  }

  #link(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest) this.#newest.newer = entry;
    else this.#oldest = entry;
    this.#newest = entry;
  }

  #unlink({ newer, older }: Entry<K, V>): void {
    if (newer) newer.older = older;
    else this.#newest = older;
    if (older) older.newer = newer;
    else this.#oldest = newer;
  }
}
