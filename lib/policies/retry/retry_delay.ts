import type { Random } from "../../core/clock.ts";

/** The backoff between attempts. */
export interface Backoff {
  /** Maximum delay before the second attempt (ms); it doubles with each further one. */
  readonly backoffMs: number;
  /** Maximum delay before any attempt (ms). */
  readonly maxBackoffMs: number;
}

/**
 * The delay before the next attempt (ms): exponential backoff with full jitter, so that calls that
 * failed together do not retry together (AWS Architecture Blog, 2015).
 * @param attempt the attempt that failed, from 1
 */
export function retryDelayMs(
  attempt: number,
  { backoffMs, maxBackoffMs }: Backoff,
  random: Random,
): number {
  return random() * Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1));
}
