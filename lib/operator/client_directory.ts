import type { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import type { KnownKey } from "../config/client.ts";

/** A client that is known. */
export interface KnownClient {
  readonly name: string;
  readonly tier: string | undefined;
}

/** Finds who shows a key. */
export interface ClientDirectory {
  /** Undefined for a key that nobody has. Rejects when it cannot be known now. */
  find(key: string): KnownClient | undefined | Promise<KnownClient | undefined>;
}

/** The clients of the config. Their keys are kept as hashes only, and compared in constant time. */
export function configuredClients(known: readonly KnownKey[]): ClientDirectory {
  const byHash = new Map(known.map(({ key, name, tier }) => {
    const hash = hashOf(key);
    return [hash.toString("hex"), { hash, client: { name, tier } }];
  }));
  return {
    find(key) {
      const hash = hashOf(key);
      const found = byHash.get(hash.toString("hex"));
      return found && timingSafeEqual(found.hash, hash) ? found.client : undefined;
    },
  };
}

/** How the store names a key: nobody who reads the store can show it. */
export function keyHash(key: string): string {
  return hashOf(key).toString("hex");
}

function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
