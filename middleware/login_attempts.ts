import type { Clock } from "../lib/core/clock.ts";

/** How many times an address may fail to log in, and in what time (ms). */
const MAX_FAILED = 5;
const WINDOW_MS = 60_000;
/** How many addresses are counted; while there are more, none of the others may try. */
const MAX_ADDRESSES = 10_000;

/** Limits how often tokens can be tried on the login page. */
export class LoginAttempts {
  readonly #clock: Clock;
  readonly #failed = new Map<string, { count: number; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How long an address has to wait before it may try (s); 0 if it may try now. */
  waitSeconds(address: string): number {
    const now = this.#clock.monotonic();
    const failed = this.#failed.get(address);
    if (failed && failed.until > now) {
      return failed.count < MAX_FAILED ? 0 : Math.ceil((failed.until - now) / 1_000);
    }
    if (this.#failed.size < MAX_ADDRESSES) return 0;
    for (const [old, { until }] of this.#failed) if (until <= now) this.#failed.delete(old);
    return this.#failed.size < MAX_ADDRESSES ? 0 : WINDOW_MS / 1_000;
  }

  /** Counts an attempt with a wrong token. */
  failed(address: string): void {
    const now = this.#clock.monotonic();
    const failed = this.#failed.get(address);
    if (failed && failed.until > now) failed.count++;
    else this.#failed.set(address, { count: 1, until: now + WINDOW_MS });
  }
}
