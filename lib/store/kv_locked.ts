import { type Clock, type Random, systemClock } from "../core/clock.ts";

/** How long a call is repeated while other processes write to the file (ms). */
const LOCKED_MS = 1_000;
/** The longest pause between two tries, and half of what it is after the first (ms). */
const LONGEST_PAUSE_MS = 10;
const FIRST_PAUSE_MS = 1;

/** What a repeated call may do without. */
export interface LockOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** How long it is repeated (ms). Default: 1 s. */
  readonly boundMs?: number;
}

/**
 * Whether another process was writing to the file: nothing was written then. SQLite's text is all
 * that Deno gives to recognize it.
 */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is (?:locked|busy)/.test(error.message);
}

/**
 * What a call of Deno KV comes to that is repeated while other processes write to the file.
 * @throws what the call does; that the file is locked only when it stayed so
 */
export async function unlocked<T>(call: () => Promise<T>, options: LockOptions = {}): Promise<T> {
  const { clock = systemClock, random = Math.random, boundMs = LOCKED_MS } = options;
  const end = clock.monotonic() + boundMs;
  for (let pauseMs = FIRST_PAUSE_MS;; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!isLocked(error) || clock.monotonic() >= end) throw error;
      await clock.sleep(2 * random() * pauseMs);
    }
  }
}
