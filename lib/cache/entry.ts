import type { Body } from "../core/body.ts";

/** A stored response. */
export interface CacheEntry {
  /** From 200 to 599. */
  readonly status: number;
  /** End-to-end headers alone. */
  readonly headers: Headers;
  /** The whole body. */
  readonly body: Body;
  /** When it was requested and received (wall clock, ms since 1970). */
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** The request headers that selected it, by `Vary` (see `selectionKey`). */
  readonly selection: string;
  /** Its upstream and path, as purges name it. */
  readonly url: string;
  /** Whether the request had an Authorization (RFC 9111 section 3.5). */
  readonly isAuthorized: boolean;
}

/** What decides whether a response may be stored and reused. */
export type ResponseMetadata = Omit<CacheEntry, "body" | "selection" | "url">;
