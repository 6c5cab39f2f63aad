/** A separator of segments, also in the encoded forms that an upstream may decode. */
const SEPARATOR = /\/|\\|%2f|%5c/i;
/** A segment that some server resolves: `.` or `..`, encoded or not, with or without `;params`. */
const DOT_SEGMENT = /^(?:\.|%2e){1,2}(?:(?:;|%3b).*)?$/i;

/** Whether a path holds a segment that leads out of where it stands. */
export function hasDotSegment(path: string): boolean {
  return path.split(SEPARATOR).some((segment) => DOT_SEGMENT.test(segment));
}

/** A request target as it came: nothing is normalised away. */
export interface Target {
  /** `host:port`, as the client wrote it. */
  readonly authority: string;
  readonly pathname: string;
  /** With its `?`; empty without a query. */
  readonly search: string;
}

const URL_PARTS = /^https?:\/\/([^/?#]*)(\/[^?#]*)(\?[^#]*)?$/;

/** Takes a request's URL apart without tidying it up; undefined when it is no path, or a fragment. */
export function parseTarget(url: string): Target | undefined {
  const [, authority, pathname, search = ""] = URL_PARTS.exec(url) ?? [];
  if (authority === undefined || pathname === undefined) return undefined;
  return { authority, pathname, search };
}
