import { isList } from "../http/is_list.ts";

/** Why a cache asked further on (RFC 9211 section 2.2). */
export type Forwarded =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "stale"
  | "request"
  | "partial";

/** How a cache dealt with a request (RFC 9211 section 2). */
export interface CacheStatus {
  readonly hit?: boolean;
  readonly fwd?: Forwarded;
  /** What the origin answered. */
  readonly fwdStatus?: number;
  /** How long the answer stays fresh (s); below 0 when it no longer is. */
  readonly ttlS?: number;
  readonly isStored?: boolean;
  /** Whether the request waited for another's answer. */
  readonly isCollapsed?: boolean;
}

/**
 * The headers with this cache's member of `Cache-Status` added: the one nearest the client is last.
 * What an upstream sent and nobody could read is dropped, for it would spoil the whole field.
 */
export function addCacheStatus(headers: Headers, cache: string, status: CacheStatus): void {
  const { hit, fwd, fwdStatus, ttlS, isStored, isCollapsed } = status;
  const member = [
    cache,
    hit ? "hit" : "",
    fwd ? `fwd=${fwd}` : "",
    fwdStatus === undefined ? "" : `fwd-status=${fwdStatus}`,
    ttlS === undefined ? "" : `ttl=${ttlS}`,
    isStored ? "stored" : "",
    isCollapsed ? "collapsed" : "",
  ];
  if (!isList(headers.get("cache-status"))) headers.delete("cache-status");
  headers.append("cache-status", member.filter((part) => part !== "").join("; "));
}
