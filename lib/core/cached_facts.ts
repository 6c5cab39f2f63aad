/** How a cache handled a call. */
export interface CachedFacts {
  /** Whether the cache replied without a call to the upstream. */
  readonly isHit: boolean;
  /** Whether the reply is stale, and served because no fresh one is available. */
  readonly isStale: boolean;
  /** Whether the call waited for the response to an identical one (default false). */
  readonly isCollapsed?: boolean | undefined;
  /**
   * Remaining freshness lifetime (ms); undefined if neither the reply nor the config states one.
   */
  readonly freshMs: number | undefined;
}
