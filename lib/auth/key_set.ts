import type { JSONWebKeySet, LocalJWKSet } from "jose";
import type { Clock } from "../core/clock.ts";
import { isRecord } from "../core/is_record.ts";
import { CannotCheck } from "./auth_error.ts";

/** Bounds of how long fetched keys are used without a look for newer ones (ms). */
const [LEAST_FRESH_MS, USUAL_FRESH_MS, MOST_FRESH_MS] = [60_000, 600_000, 86_400_000];
/** How long keys are used beyond that while they cannot be fetched (ms). */
const STALE_MS = 3_600_000;
/** The least time between two fetches, whatever tokens arrive (ms). */
const COOLDOWN_MS = 5_000;
/** Maximum tokens that wait for the next fetch; further ones are refused. */
const MAX_WAITING = 1_000;
/** Keys that anybody can sign with who can read the set. */
const SYMMETRIC = "oct";

/** Keys as their issuer serves them. */
export interface FetchedKeys {
  /** The document, parsed; not trusted yet. */
  readonly document: unknown;
  /** How long the response is fresh (ms); undefined if it does not say. */
  readonly freshMs: number | undefined;
}

/** Dependencies of a {@linkcode KeySet}. */
export interface KeySetOptions {
  /** Fetches the keys; rejects when they cannot be had. */
  readonly fetch: () => Promise<FetchedKeys>;
  readonly clock: Clock;
  /** Told that the keys have changed. */
  readonly onChange: () => void;
  /** Told why keys could not be fetched, once for each failed fetch. */
  readonly onError: (error: unknown) => void;
}

/** The keys at one time. */
interface Current {
  readonly keys: LocalJWKSet;
  readonly text: string;
  /** When newer ones are looked for, on the monotonic clock (ms). */
  readonly freshUntil: number;
}

/**
 * The public keys of an issuer (a JSON Web Key Set, RFC 7517), fetched when they are first needed.
 *
 * They are fetched again when the response is no longer fresh, while requests go on with the old
 * ones, and when a token names a key that is not among them; at most once in 5 s, for which such
 * tokens wait, so that invented keys cause no flood of fetches, and a new one no refusal. While keys
 * cannot be fetched, the old ones are used for up to an hour.
 */
export class KeySet {
  readonly #options: KeySetOptions;
  #current: Current | undefined;
  #fetching: Promise<void> | undefined;
  #fetchedAt = -Infinity;
  #next: Promise<void> | undefined;
  #waiting = 0;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /**
   * Returns the keys.
   * @throws {CannotCheck} when there are none, or none that are recent enough
   */
  async get(): Promise<LocalJWKSet> {
    const now = this.#options.clock.monotonic();
    const known = this.#current;
    if (known === undefined || now >= known.freshUntil + STALE_MS) await this.#refresh();
    // Nobody waits for newer keys while the known ones will do.
    else if (now >= known.freshUntil) void this.#refresh();
    const current = this.#current;
    if (current && this.#options.clock.monotonic() < current.freshUntil + STALE_MS) {
      return current.keys;
    }
    throw new CannotCheck("the issuer's keys cannot be fetched");
  }

  /**
   * Looks for newer keys, because a token names one that is missing.
   * @param used the keys without it; others may have been fetched since they were read
   * @returns whether there are others now
   */
  async look(used: LocalJWKSet): Promise<boolean> {
    if (this.#current?.keys !== used) return true;
    const waitMs = this.#fetchedAt + COOLDOWN_MS - this.#options.clock.monotonic();
    if (this.#fetching || waitMs <= 0) await this.#refresh();
    else if (this.#waiting < MAX_WAITING) await this.#waitForNext(waitMs);
    return this.#current?.keys !== used;
  }

  async #waitForNext(waitMs: number): Promise<void> {
    this.#waiting++;
    this.#next ??= this.#options.clock.sleep(waitMs, undefined, false)
      .then(() => this.#refresh())
      .finally(() => this.#next = undefined);
    await this.#next;
    this.#waiting--;
  }

  #refresh(): Promise<void> {
    if (this.#fetching) return this.#fetching;
    const now = this.#options.clock.monotonic();
    if (now < this.#fetchedAt + COOLDOWN_MS) return Promise.resolve();
    this.#fetchedAt = now;
    this.#fetching = this.#fetch()
      .catch((error) => this.#options.onError(error))
      .finally(() => this.#fetching = undefined);
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    const { fetch, clock, onChange } = this.#options;
    const { createLocalJWKSet } = await import("jose");
    const { document, freshMs = USUAL_FRESH_MS } = await fetch();
    const keys = publicKeysOf(document);
    const text = JSON.stringify(keys);
    const previous = this.#current;
    this.#current = {
      keys: previous?.text === text ? previous.keys : createLocalJWKSet(keys),
      text,
      freshUntil: clock.monotonic() +
        Math.min(Math.max(freshMs, LEAST_FRESH_MS), MOST_FRESH_MS),
    };
    if (previous && previous.text !== text) onChange();
  }
}

function publicKeysOf(document: unknown): JSONWebKeySet {
  if (!isRecord(document) || !Array.isArray(document.keys)) {
    throw new Error("the issuer's keys are not a JSON Web Key Set");
  }
  return {
    keys: document.keys.filter((key) =>
      isRecord(key) && typeof key.kty === "string" && key.kty !== SYMMETRIC
    ),
  };
}
