import type { Clock, Random } from "../core/clock.ts";
import type { LookUp } from "../transport/socket/look_up.ts";

/** How long addresses are valid if their records do not say (ms). */
const DEFAULT_TTL_MS = 30_000;
/** Bounds of what records say. */
const MIN_TTL_MS = 5_000;
const MAX_TTL_MS = 300_000;
/** How much the time of the next lookup varies. */
const JITTER = 0.1;

/** Dependencies of {@linkcode NamedAddresses}. */
export interface NamedAddressesOptions {
  readonly hostnames: ReadonlySet<string>;
  readonly lookUp: LookUp;
  readonly clock: Clock;
  readonly random: Random;
  /** Called after each lookup, and when the addresses have become too old to be used. */
  readonly onChange: (addressesOf: (hostname: string) => readonly string[]) => void;
}

/**
 * The addresses of an upstream's host names. They are looked up again by the first call after the
 * records expired, so that nothing runs while there are no calls. That call does not wait: until the
 * lookup has ended it uses the old addresses, or the name itself if they are much too old.
 */
export class NamedAddresses {
  readonly #options: NamedAddressesOptions;
  readonly #known = new Map<string, readonly string[]>();
  #expiresAt = -Infinity;
  /** From then on they are too old to be used. */
  #staleAt = -Infinity;
  #isLookingUp = false;

  constructor(options: NamedAddressesOptions) {
    this.#options = options;
  }

  /** Begins a lookup if the addresses have expired. */
  refresh(now: number): void {
    if (now < this.#expiresAt) return;
    if (now >= this.#staleAt && this.#known.size > 0) {
      this.#known.clear();
      this.#options.onChange(() => []);
    }
    if (!this.#isLookingUp) this.#lookUp();
  }

  async #lookUp(): Promise<void> {
    const { hostnames, lookUp, clock, random, onChange } = this.#options;
    this.#isLookingUp = true;
    const ttls = await Promise.all([...hostnames].map(async (hostname) => {
      const resolved = await lookUp(hostname).catch(() => undefined);
      // A failed lookup leaves the addresses that are known.
      if (resolved) this.#known.set(hostname, resolved.addresses);
      return resolved?.ttlMs ?? DEFAULT_TTL_MS;
    }));
    const ttlMs = Math.max(MIN_TTL_MS, Math.min(MAX_TTL_MS, ...ttls));
    const validMs = ttlMs * (1 - JITTER * random());
    this.#isLookingUp = false;
    this.#expiresAt = clock.monotonic() + validMs;
    this.#staleAt = this.#expiresAt + ttlMs;
    onChange((hostname) => this.#known.get(hostname) ?? []);
  }
}
