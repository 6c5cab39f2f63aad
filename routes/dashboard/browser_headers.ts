/** No page of another origin may frame, read or open what these responses have. */
const ISOLATED = {
  "x-content-type-options": "nosniff",
  // Not no-referrer: a form would then be sent with `Origin: null`.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** The headers of pages: they load nothing from elsewhere, and run no inline script. */
export const PAGE_HEADERS = {
  ...ISOLATED,
  "cache-control": "no-store",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
} as const;

/** The headers of what pages load, which browsers store and revalidate. */
export const ASSET_HEADERS = { ...ISOLATED, "cache-control": "no-cache" } as const;

/** The headers of a stream of events. */
export const STREAM_HEADERS = {
  ...ISOLATED,
  "cache-control": "no-store",
  "content-type": "text/event-stream",
  // nginx would collect the events.
  "x-accel-buffering": "no",
} as const;
