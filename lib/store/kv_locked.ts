import { type Clock, type Random, systemClock } from "../core/clock.ts";

/** How long a call is retried while other processes write to the file (ms). */
const LOCKED_MS = 1_000;
/** Maximum mean pause between two attempts, and the mean after the first (ms). */
const LONGEST_PAUSE_MS = 10;
const FIRST_PAUSE_MS = 1;

/** Options of {@linkcode retryWhileLocked}. */
export interface LockOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  /** How long the call is retried (ms; default 1 s). */
  readonly boundMs?: number;
}

/**
 * Whether a call failed because another process was writing to the file; it wrote nothing then. Deno
 * reports this only by SQLite's message.
 */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && /database is (?:locked|busy)/.test(error.message);
}

/**
 * Makes a call of Deno KV, and retries it while other processes write to the file.
 * @throws the call's own error; "database is locked" only if the file stayed locked
 */
export async function retryWhileLocked<T>(
  call: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
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
