import { LRUCache } from "lru-cache";
import type { Clock } from "./clock.ts";
import { DEFAULTS } from "./config/defaults.ts";
import { within } from "./within.ts";
import { type ClientDirectory, keyHash, type KnownClient } from "./client_directory.ts";

/** For how long an answer of the store is believed (ms): a change is felt after it. */
const BELIEVED_MS = 1_000;
/** How many answers are remembered. */
const MOST_REMEMBERED = 10_000;

/** The clients that the store knows: `["sluice", "client", SHA-256 of the key]` → `{ name, tier }`. */
export function kvClients(kv: Deno.Kv, clock: Clock): ClientDirectory {
  const remembered = new LRUCache<string, { client: KnownClient | undefined; until: number }>({
    max: MOST_REMEMBERED,
  });
  return {
    async find(key) {
      const hash = keyHash(key);
      const known = remembered.get(hash);
      if (known && clock.monotonic() < known.until) return known.client;
      const { value } = await within(
        kv.get(["sluice", "client", hash]),
        DEFAULTS.storeTimeoutMs,
        clock,
        () => new Error(`the store did not answer within ${DEFAULTS.storeTimeoutMs} ms`),
      );
      const client = parseClient(value);
      remembered.set(hash, { client, until: clock.monotonic() + BELIEVED_MS });
      return client;
    },
  };
}

/** A record that is no client of ours is nobody. */
function parseClient(value: unknown): KnownClient | undefined {
  if (typeof value !== "object" || value === null || !("name" in value)) return undefined;
  if (typeof value.name !== "string" || !/^.{1,200}$/.test(value.name)) return undefined;
  const tier = "tier" in value && typeof value.tier === "string" ? value.tier : undefined;
  return { name: value.name, tier };
}
