import type { Clock } from "../core/clock.ts";
import type { CacheEntry } from "./entry.ts";
import { type Lookup, mayServe, partKey } from "./lookup.ts";
import type { MemoryTier } from "./memory_tier.ts";
import { combined, type Part, partOf, wholeOf } from "./parts.ts";
import type { Purges } from "./purges.ts";
import { type Reuse, reuseOf } from "./reuse.ts";
import type { StoredResponses } from "./stored_responses.ts";

/** Dependencies of {@linkcode StoredParts}. */
export interface StoredPartsOptions {
  /** Where they are stored: in this process alone. */
  readonly parts: MemoryTier;
  readonly stored: StoredResponses;
  readonly purges: Purges;
  readonly clock: Clock;
}

/** A stored part, and how it may be reused for the request at hand. */
export type StoredPart = Part & { readonly reuse: Reuse };

/** Finds, stores and combines partial responses (RFC 9111 sections 3.3 and 3.4). */
export class StoredParts {
  readonly #options: StoredPartsOptions;
  /** Whether any was ever stored: most origins send none, and there is nothing to search for. */
  #hasAny = false;

  constructor(options: StoredPartsOptions) {
    this.#options = options;
  }

  /** The stored part of a response, while it is fresh. */
  find(lookup: Lookup): Promise<StoredPart | undefined> | undefined {
    return this.#hasAny ? this.#find(lookup) : undefined;
  }

  async #find(lookup: Lookup): Promise<StoredPart | undefined> {
    const { key, call, settings } = lookup;
    const { parts, purges, clock } = this.#options;
    const entry = parts.get(partKey(key), call.headers);
    if (!entry || purges.check(entry) || !mayServe(lookup, entry.headers)) return undefined;
    const reuse = reuseOf(entry, lookup.requested, settings, { now: clock.wall() });
    const part = reuse.use === "fresh" ? await partOf(entry) : undefined;
    return part && { ...part, reuse };
  }

  /** Stores a part, combined with the stored one of the same response. */
  async store(lookup: Lookup, entry: CacheEntry): Promise<void> {
    const { key, call } = lookup;
    const { parts, stored, purges } = this.#options;
    const newer = await partOf(entry);
    if (!newer || stored.isInvalidated(entry)) return;
    const known = parts.get(partKey(key), call.headers);
    const older = known && !purges.check(known) ? await partOf(known) : undefined;
    const part = older ? combined(older, newer) : newer;
    const whole = wholeOf(part);
    if (whole) {
      this.delete(lookup);
      stored.store(lookup, whole);
    } else {
      this.#hasAny = true;
      parts.set(partKey(key), part.entry);
    }
  }

  /** Deletes the parts stored under a request's key. */
  delete({ key }: Lookup): void {
    this.#options.parts.delete(partKey(key));
  }
}
