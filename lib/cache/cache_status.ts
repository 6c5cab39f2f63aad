import { isList } from "../http/is_list.ts";

/** Why a cache forwarded a request (RFC 9211 section 2.2). */
export type Forwarded =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "stale"
  | "request"
  | "partial";

/** How a cache handled a request (RFC 9211 section 2). */
export interface CacheStatus {
  readonly hit?: boolean;
  readonly fwd?: Forwarded;
  /** The status of the origin's response. */
  readonly fwdStatus?: number;
  /** How long the response stays fresh (s); negative when it is stale. */
  readonly ttlS?: number;
  readonly isStored?: boolean;
  /** Whether the request was collapsed with another. */
  readonly isCollapsed?: boolean;
}

/**
 * Appends this cache's member to `Cache-Status`; the cache nearest the client comes last. A malformed
 * field of an upstream is dropped, since it would make the whole field unreadable.
 */
export function addCacheStatus(headers: Headers, cache: string, status: CacheStatus): void {
  const { hit, fwd, fwdStatus, ttlS, isStored, isCollapsed } = status;
  let member = cache;
  if (hit) member += "; hit";
  if (fwd) member += `; fwd=${fwd}`;
  if (fwdStatus !== undefined) member += `; fwd-status=${fwdStatus}`;
  if (ttlS !== undefined) member += `; ttl=${ttlS}`;
  if (isStored) member += "; stored";
  if (isCollapsed) member += "; collapsed";
  if (!isList(headers.get("cache-status"))) headers.delete("cache-status");
  headers.append("cache-status", member);
}
