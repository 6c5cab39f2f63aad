import type { Random } from "../../core/clock.ts";

/** How waits between attempts grow. */
export interface Backoff {
  /** The longest wait before the second attempt (ms). */
  readonly backoffMs: number;
  /** The longest wait before any (ms). */
  readonly maxBackoffMs: number;
}

/**
 * How long to wait before a call is made again (ms): exponential backoff with full jitter, so that
 * those who failed together do not come back together (AWS Architecture Blog, 2015).
 * @param attempt the attempt that failed, from 1
 */
export function retryDelayMs(
  attempt: number,
  { backoffMs, maxBackoffMs }: Backoff,
  random: Random,
): number {
  return random() * Math.min(maxBackoffMs, backoffMs * 2 ** (attempt - 1));
}
