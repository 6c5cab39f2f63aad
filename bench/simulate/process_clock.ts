import type { Clock } from "../../lib/core/clock.ts";

/** The clock of one machine, whose wall clock is ahead by a fixed time (ms). */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  readonly #ahead: number;

  constructor(world: Clock, ahead: number) {
    this.#world = world;
    this.#ahead = ahead;
  }

  wall(): number {
    return this.#world.wall() + this.#ahead;
  }

  monotonic(): number {
    return this.#world.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#world.sleep(ms, signal);
  }
}
