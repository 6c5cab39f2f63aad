import type { Clock } from "../core/clock.ts";

/** A moment on both clocks (ms). */
export interface Instant {
  readonly wall: number;
  readonly monotonic: number;
}

/** The moment that it is. */
export function instantOf(clock: Clock): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() };
}

/** How long ago that was, by the clock that went further: a step of one ages nothing less (ms). */
export function ageMs(then: Instant, now: Instant): number {
  return Math.max(now.wall - then.wall, now.monotonic - then.monotonic);
}
