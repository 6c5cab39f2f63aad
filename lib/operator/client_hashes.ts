import { memoize } from "../core/memoize.ts";
import { nodeCrypto } from "../core/node_crypto.ts";

/** How many hashes are memoized. */
const MEMOIZED = 1_000;
/** Length of a key (bytes). */
const KEY_BYTES = 32;
/** Length of a hash (hexadecimal digits). */
const DIGITS = 12;

/**
 * Names clients in the log by hashes of their addresses. They are keyed, because all addresses can be
 * tried: nobody finds the address of a hash without the key, and a new key makes old hashes useless.
 */
export class ClientHashes {
  #hash = hashWith(randomKey());

  /** Returns twelve hexadecimal digits that stand for an address. */
  of(address: string): string {
    return this.#hash(address);
  }

  /** Uses another key from now on. The first one is random. */
  use(key: Uint8Array): void {
    this.#hash = hashWith(key);
  }
}

/** Makes a random key. */
export function randomKey(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

function hashWith(key: Uint8Array): (address: string) => string {
  return memoize(
    (address) =>
      nodeCrypto().createHmac("sha256", key).update(address).digest("hex").slice(0, DIGITS),
    MEMOIZED,
  );
}
