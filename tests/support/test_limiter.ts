import type { Clock } from "../../lib/core/clock.ts";
import { Limiter } from "../../lib/limiter/limiter.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";

/** A limiter of one process, in memory. */
export function testLimiter(clock: Clock): Limiter {
  return new Limiter({ store: new MemoryStore(clock), clock, random: () => 0, maxBuckets: 100 });
}
