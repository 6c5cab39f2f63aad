import type { CacheEntry } from "./entry.ts";

/** An invalidation of stored responses, by the operator or a change at the origin. */
export interface Purge {
  /** A URL (`url:…`), a tag (`tag:…`), or `all`. */
  readonly of: PurgeSubject;
  /** Whether the responses become stale instead of unusable. */
  readonly isSoft: boolean;
  /** It covers responses requested up to then (wall clock, ms since 1970). */
  readonly at: number;
}

/** What a purge covers. */
export type PurgeSubject = "all" | `url:${string}` | `tag:${string}`;

/** When a response was purged; `isGone` when it may not be served stale either. */
export interface PurgedState {
  readonly at: number;
  readonly isGone: boolean;
}

/** How many subjects are remembered: those purged last. */
const MAX_PURGES = 100_000;

/** The purges in force. A check costs the same however many there are. */
export class Purges {
  readonly #bySubject = new Map<PurgeSubject, { hardAt: number; softAt: number }>();

  /** How many subjects are purged. */
  get size(): number {
    return this.#bySubject.size;
  }

  /** Adds a purge; it replaces an older one of the same subject. */
  add({ of, isSoft, at }: Purge): void {
    const known = this.#bySubject.get(of) ?? { hardAt: -Infinity, softAt: -Infinity };
    if (isSoft) known.softAt = Math.max(known.softAt, at);
    else known.hardAt = Math.max(known.hardAt, at);
    this.#bySubject.delete(of);
    this.#bySubject.set(of, known);
    for (const oldest of this.#bySubject.keys()) {
      if (this.#bySubject.size <= MAX_PURGES) break;
      this.#bySubject.delete(oldest);
    }
  }

  /** Forgets purges made before then: what they cover is no longer stored. */
  forgetBefore(at: number): void {
    for (const [subject, { hardAt, softAt }] of this.#bySubject) {
      if (hardAt < at && softAt < at) this.#bySubject.delete(subject);
    }
  }

  /** The purge that covers a response; undefined when there is none. */
  check(
    { url, headers, requestedAt }: Pick<CacheEntry, "url" | "headers" | "requestedAt">,
  ): PurgedState | undefined {
    if (this.#bySubject.size === 0) return undefined;
    let softAt = Infinity;
    const tags = tagsOf(headers).map((tag): PurgeSubject => `tag:${tag}`);
    for (const subject of ["all", `url:${url}`, ...tags] as const) {
      const purge = this.#bySubject.get(subject);
      if (purge === undefined) continue;
      if (purge.hardAt >= requestedAt) return { at: purge.hardAt, isGone: true };
      if (purge.softAt >= requestedAt) softAt = Math.min(softAt, purge.softAt);
    }
    return softAt === Infinity ? undefined : { at: softAt, isGone: false };
  }
}

/** The tags of a response: `Cache-Tag` with commas, `Surrogate-Key` with spaces. */
export function tagsOf(headers: Headers): string[] {
  const tags = headers.get("cache-tag")?.split(",").map((tag) => tag.trim()) ?? [];
  const keys = headers.get("surrogate-key")?.split(/\s+/) ?? [];
  return [...tags, ...keys].filter((tag) => tag !== "");
}
