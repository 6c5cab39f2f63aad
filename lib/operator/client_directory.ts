import type { Buffer } from "node:buffer";
import type { KnownKey } from "../config/client.ts";
import { nodeCrypto } from "../core/node_crypto.ts";

/** A client whose key is known. */
export interface KnownClient {
  readonly name: string;
  readonly tier: string | undefined;
}

/** Finds clients by their keys. */
export interface ClientDirectory {
  /** The client with that key; undefined for an unknown key. Rejects when the store fails. */
  find(key: string): KnownClient | undefined | Promise<KnownClient | undefined>;
}

/** The clients of the config. Only hashes of their keys stay in memory, compared in constant time. */
export function configuredClients(known: readonly KnownKey[]): ClientDirectory {
  const byHash = new Map(known.map(({ key, name, tier }) => {
    const hash = hashOf(key);
    return [hash.toString("hex"), { hash, client: { name, tier } }];
  }));
  return {
    find(key) {
      const hash = hashOf(key);
      const entry = byHash.get(hash.toString("hex"));
      return entry && nodeCrypto().timingSafeEqual(entry.hash, hash) ? entry.client : undefined;
    },
  };
}

/** The SHA-256 of a key in hex, as the store has it: the key cannot be read from the store. */
export function keyHash(key: string): string {
  return hashOf(key).toString("hex");
}

function hashOf(key: string): Buffer {
  return nodeCrypto().createHash("sha256").update(key).digest();
}
