import { testGuard } from "../../support/test_guard.ts";
import { kvTier } from "../../support/kv_tier.ts";
import { MemoryTier } from "../../../lib/cache/memory_tier.ts";
import type { CacheTier } from "../../../lib/cache/tier.ts";
import { TwoTiers } from "../../../lib/cache/two_tiers.ts";
import { type OpenTier, testCacheTier } from "../../support/cache_tier_suite.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const TIERS: Readonly<Record<string, () => Promise<OpenTier>>> = {
  "in memory": () =>
    Promise.resolve({
      tier: new MemoryTier(2 ** 26),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  "in KV": async () => {
    const kv = await Deno.openKv(":memory:");
    return {
      tier: kvTier(kv),
      [Symbol.asyncDispose]() {
        kv.close();
        return Promise.resolve();
      },
    };
  },
  "in a file": async () => {
    const folder = await Deno.makeTempDir();
    const kv = await Deno.openKv(`${folder}/kv`);
    return {
      tier: kvTier(kv),
      async [Symbol.asyncDispose]() {
        kv.close();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
  "in two tiers": async () => {
    const kv = await Deno.openKv(":memory:");
    const store = kvTier(kv);
    const clock = new ManualClock();
    const guard = testGuard({ clock, log: fail });
    // Each answer comes from the store to a process that starts cold.
    const cold = () => new TwoTiers({ guard, clock, store, memory: new MemoryTier(2 ** 26) });
    return {
      tier: {
        get: (key, request) => cold().get(key, request),
        async set(key, entry, keepMs) {
          const written = Promise.withResolvers<void>();
          const told: CacheTier = {
            get: () => undefined,
            set: (...args) => store.set(...args).then(written.resolve, written.reject),
            delete() {},
            invalidate() {},
          };
          const memory = new MemoryTier(2 ** 26);
          new TwoTiers({ guard, clock, store: told, memory }).set(key, entry, keepMs);
          await written.promise;
        },
        delete: (key) => cold().delete(key),
        invalidate: (url) => cold().invalidate(url),
      },
      [Symbol.asyncDispose]() {
        kv.close();
        return Promise.resolve();
      },
    };
  },
};

function fail(line: string): never {
  throw new Error(line);
}

for (const [name, open] of Object.entries(TIERS)) testCacheTier(name, open);
