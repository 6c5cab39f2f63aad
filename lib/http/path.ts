/** A separator of segments, also in the encoded forms that an upstream may decode. */
const SEPARATOR = /\/|\\|%2f|%5c/i;
/** A segment that some servers resolve: `.` or `..`, encoded or not, with or without `;params`. */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}(?:(?:;|%3b).*)?$/i;

/** Whether a path has a segment that may leave its folder. */
export function hasDotSegment(path: string): boolean {
  return path.split(SEPARATOR).some((segment) => DOT_SEGMENT.test(segment));
}

/** A request target, not normalized. */
export interface Target {
  /** `host:port`, as the client sent it. */
  readonly authority: string;
  readonly pathname: string;
  /** The query with its `?`; empty without one. */
  readonly search: string;
}

const SCHEME = /^https?:\/\//;

/**
 * Splits a request's URL without normalizing it; undefined if it is not a path or has a fragment.
 */
export function parseTarget(url: string): Target | undefined {
  if (!SCHEME.test(url) || url.includes("#")) return undefined;
  const start = url.indexOf("/") + 2;
  const slash = url.indexOf("/", start);
  const query = url.indexOf("?", start);
  const end = query < 0 ? url.length : query;
  if (slash < 0 || slash > end) return undefined;
  return {
    authority: url.slice(start, slash),
    pathname: url.slice(slash, end),
    search: url.slice(end),
  };
}
