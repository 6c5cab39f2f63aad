import type { Clock } from "../core/clock.ts";

/** A moment on both clocks (ms). */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The current moment. */
export function instantOf(clock: Clock): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/** How long ago a moment was (ms), by the clock that advanced further: a clock set back hides no age. */
export function ageMs(then: Instant, now: Instant): number {
  return Math.max(now.wall - then.wall, now.monotonic - then.monotonic);
}
