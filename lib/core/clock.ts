import { delay } from "@std/async";

/** A clock, injected so that tests can control time. */
export interface Clock {
  /** Milliseconds since 1970; may be stepped by the machine's administrator. */
  wall(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonic(): number;
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clocks. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => delay(ms, signal ? { signal } : {}),
};

/** A number from 0 up to, and not including, 1. */
export type Random = () => number;
