import { LruCache } from "./lru_cache.ts";

/** Longer texts are not memoized, so that clients cannot fill the memory. */
const LONGEST = 256;

/**
 * Memoizes a function for the most recent texts.
 * @param most how many texts
 */
export function memoize<T extends string | object>(
  make: (text: string) => T,
  most: number,
): (text: string) => T {
  const made = new LruCache<string, T>({ maxEntries: most });
  return (text) => {
    if (text.length > LONGEST) return make(text);
    let known = made.get(text);
    if (known === undefined) {
      known = make(text);
      made.set(text, known);
    }
    return known;
  };
}
