import { delay } from "@std/async";

/** A clock, injected so that tests can control time. */
export interface Clock {
  /** Milliseconds since 1970; may be stepped by the machine's administrator. */
  wall(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds, or rejects with the signal's reason when it aborts.
   * @param isPersistent whether it keeps the process alive (default: true)
   */
  sleep(ms: number, signal?: AbortSignal, isPersistent?: boolean): Promise<void>;
}

/** The system's clocks. */
export const systemClock: Clock = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal, persistent = true) => delay(ms, { ...(signal && { signal }), persistent }),
};

/** A number from 0 up to, and not including, 1. */
export type Random = () => number;
