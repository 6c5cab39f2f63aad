import type { HttpCache } from "../../lib/cache/http_cache.ts";
import { openCache } from "../../lib/cache/open_cache.ts";
import type { Clock } from "../../lib/core/clock.ts";
import { testGuard } from "./test_guard.ts";

/** A cache that keeps in memory alone. */
export function testCache(clock: Clock): HttpCache {
  return openCache({
    memoryBytes: 2 ** 20,
    clock,
    pseudonym: "test",
    guard: testGuard({ clock }),
    refreshMs: 1_000,
  }).cache;
}
