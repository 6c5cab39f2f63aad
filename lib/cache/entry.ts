import type { Body } from "../core/body.ts";

/** An answer as it is kept. */
export interface CacheEntry {
  /** From 200 to 599. */
  readonly status: number;
  /** End-to-end headers alone. */
  readonly headers: Headers;
  /** All of it. */
  readonly body: Body;
  /** When it was asked for, and when it came (wall clock, ms since 1970). */
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** What of its request chose it (see `selectionKey`). */
  readonly selection: string;
  /** Its upstream and path, which a purge names it by. */
  readonly url: string;
  /** Whether the request had an Authorization (RFC 9111 section 3.5). */
  readonly isAuthorized: boolean;
}

/** What of an answer says whether it can be used again. */
export type ResponseMetadata = Omit<CacheEntry, "body" | "selection" | "url">;
