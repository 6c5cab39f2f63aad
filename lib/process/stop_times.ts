import { DEFAULTS } from "../core/defaults.ts";

/** When a stop does what, counted from its beginning (ms). */
export interface StopTimes {
  /** When requests respond with what they have. */
  readonly respondMs: number;
  /** When what still runs is cut off and closed. */
  readonly closeMs: number;
  /** When the process ends, whatever still runs. */
  readonly endMs: number;
}

/** Divides the grace period of a stop into its steps. */
export function stopTimes(graceMs: number): StopTimes {
  return {
    respondMs: graceMs - Math.min(DEFAULTS.stopRespondBeforeMs, graceMs / 8),
    closeMs: graceMs - Math.min(DEFAULTS.stopCloseBeforeMs, graceMs / 16),
    endMs: graceMs,
  };
}
