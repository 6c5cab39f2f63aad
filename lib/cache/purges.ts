import type { CacheEntry } from "./entry.ts";

/** What an operator, or a change at the origin, no longer lets be used as it is. */
export interface Purge {
  /** An address (as `url:…`), a tag (`tag:…`), or `all`. */
  readonly of: PurgeSubject;
  /** Whether the answers may still serve while, or when no, new ones come. */
  readonly isSoft: boolean;
  /** What was asked for up to then is meant (wall clock, ms since 1970). */
  readonly at: number;
}

/** What a ban is about. */
export type PurgeSubject = "all" | `url:${string}` | `tag:${string}`;

/** Until when an answer was right; `isGone` when it may not even serve as a stale one. */
export interface PurgedState {
  readonly at: number;
  readonly isGone: boolean;
}

/** How many subjects are remembered, those that were banned last. */
const MAX_PURGES = 100_000;

/** The bans that still matter. Looking an answer up costs the same however many there are. */
export class Purges {
  readonly #bySubject = new Map<PurgeSubject, { hardAt: number; softAt: number }>();

  /** How many subjects are banned. */
  get size(): number {
    return this.#bySubject.size;
  }

  /** Adds a ban; an older one of the same subject is the newer one's part. */
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

  /** Forgets bans of what was kept before then. */
  forgetBefore(at: number): void {
    for (const [subject, { hardAt, softAt }] of this.#bySubject) {
      if (hardAt < at && softAt < at) this.#bySubject.delete(subject);
    }
  }

  /** The ban on an answer; undefined when there is none. */
  check(
    { url, headers, requestedAt }: Pick<CacheEntry, "url" | "headers" | "requestedAt">,
  ): PurgedState | undefined {
    if (this.#bySubject.size === 0) return undefined;
    let softAt = Infinity;
    const tags = tagsOf(headers).map((tag): PurgeSubject => `tag:${tag}`);
    for (const subject of ["all", `url:${url}`, ...tags] as const) {
      const ban = this.#bySubject.get(subject);
      if (ban === undefined) continue;
      if (ban.hardAt >= requestedAt) return { at: ban.hardAt, isGone: true };
      if (ban.softAt >= requestedAt) softAt = Math.min(softAt, ban.softAt);
    }
    return softAt === Infinity ? undefined : { at: softAt, isGone: false };
  }
}

/** The tags that an answer bears: `Cache-Tag` with commas, `Surrogate-Key` with spaces. */
export function tagsOf(headers: Headers): string[] {
  const tags = headers.get("cache-tag")?.split(",").map((tag) => tag.trim()) ?? [];
  const keys = headers.get("surrogate-key")?.split(/\s+/) ?? [];
  return [...tags, ...keys].filter((tag) => tag !== "");
}
