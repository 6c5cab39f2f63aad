import type { Clock, Random } from "../../core/clock.ts";

/** How long a store that failed is left alone (ms), up to twice as long by chance. */
const REST_MS = 500;

/** Whether the store can be asked: after a failure one request tries it, and the rest do without. */
export class StoreBreaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onChange: (failure: unknown) => void;
  #restsUntil: number | undefined;
  #isProbed = false;

  /** @param onChange told of the failure when the store is lost; of undefined when it is back */
  constructor(clock: Clock, random: Random, onChange: (failure: unknown) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#onChange = onChange;
  }

  /** Whether it failed, and has not answered since. */
  get isOpen(): boolean {
    return this.#restsUntil !== undefined;
  }

  /** Whether whoever asks now is to try it: nobody else does, and it has had its rest. */
  mayProbe(): boolean {
    if (this.#restsUntil === undefined || this.#isProbed) return false;
    this.#isProbed = this.#clock.monotonic() >= this.#restsUntil;
    return this.#isProbed;
  }

  /** Whoever was to try it did not: the next one may. */
  probeCancelled(): void {
    this.#isProbed = false;
  }

  /** It answered. */
  succeeded(): void {
    if (this.#restsUntil === undefined) return;
    this.#restsUntil = undefined;
    this.#isProbed = false;
    this.#onChange(undefined);
  }

  /** It failed, or did not answer in time. */
  failed(failure: unknown): void {
    if (this.#restsUntil === undefined) this.#onChange(failure);
    this.#restsUntil = this.#clock.monotonic() + REST_MS * (1 + this.#random());
    this.#isProbed = false;
  }
}
