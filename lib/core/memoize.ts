import { LRUCache } from "lru-cache";

/** A longer text is not remembered: what a client sends must not fill the memory. */
const LONGEST = 256;

/**
 * The same function, which remembers what it made of the texts that came last.
 * @param most of how many
 */
export function memoize(
  make: (text: string) => string,
  most: number,
): (text: string) => string {
  const made = new LRUCache<string, string>({ max: most });
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
