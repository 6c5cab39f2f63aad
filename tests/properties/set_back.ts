import { assert } from "@std/assert";
import type { Clock } from "../../lib/core/clock.ts";
import { bucketShape } from "../../lib/limiter/bucket.ts";
import type { Limit } from "../../lib/limiter/limit.ts";
import { MemoryStore } from "../../lib/limiter/stores/memory_store.ts";
import { ManualClock } from "../support/manual_clock.ts";
import type { Random } from "../support/random.ts";
import type { NewLimiter } from "./limiter_world.ts";

const PATIENT = { signal: new AbortController().signal, deadline: Infinity };

/** A bucket is emptied, the clock is set back, and a token comes in its time nevertheless. */
export async function setBack(random: Random, newLimiter: NewLimiter): Promise<void> {
  const clock = new ManualClock();
  const store = new MemoryStore(clock);
  const shape = bucketShape(random.int(1, 30), random.pick([1_000, 7_777]), random.int(1, 8));
  const limit: Limit = { name: "it", shape, waitMs: 0, queue: 1, onStoreFailure: "closed" };
  const start = (aheadMs: number) => {
    const wall = ahead(clock, aheadMs);
    const limiter = newLimiter({ store, clock: wall, random: () => 0.5, maxBuckets: 10 });
    return () => limiter.take([{ key: "key", limit, tokens: 1 }], PATIENT);
  };

  const before = start(random.int(20_000, 3_600_000));
  while ((await before()).outcome === "admitted");
  const after = start(0);
  assert((await after()).outcome === "denied", "a step back mints nothing");
  await clock.advance(Math.ceil(shape.perToken / shape.perMs));
  assert((await after()).outcome === "admitted", "a token comes in its time");
}

/** A clock whose wall time is ahead, and by which trying again takes no time. */
export function ahead(clock: Clock, ms: number): Clock {
  return {
    wall: () => clock.wall() + ms,
    monotonic: () => clock.monotonic(),
    sleep: () => Promise.resolve(),
  };
}
