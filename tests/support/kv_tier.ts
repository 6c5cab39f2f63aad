import { KvTier, type KvTierOptions } from "../../lib/cache/kv_tier.ts";

/** A tier of the cache in a store, without a bound where the test names none. */
export function kvTier(kv: Deno.Kv, options: Partial<KvTierOptions> = {}): KvTier {
  return new KvTier(kv, {
    maxBytes: Infinity,
    wall: () => Date.now(),
    onError(error) {
      throw error;
    },
    ...options,
  });
}
