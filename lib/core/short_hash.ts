/** Primes of the two halves, as in MurmurHash2 and its finalizer. */
const [FIRST, SECOND] = [0x85ebca6b, 0xc2b2ae35];

/**
 * Returns sixteen hex digits that identify a text among a few that nobody chose to collide. It
 * is not cryptographic, and so needs no module at start.
 */
export function shortHash(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, FIRST);
    low = Math.imul(low ^ code, SECOND);
    high = (high << 13) | (high >>> 19);
    low = (low << 15) | (low >>> 17);
  }
  high = Math.imul(high ^ (high >>> 16), FIRST) ^ low;
  low = Math.imul(low ^ (low >>> 13), SECOND) ^ high;
  return hex(high) + hex(low);
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}
