/**
 * The content codings that the gateway applies, best first: `zstd` takes the least CPU time, and
 * `br` twice the time of `gzip` for the same size, so it is for clients that prefer it
 * (docs/compression.md has the measurements).
 */
export const CODINGS = ["zstd", "gzip", "br"] as const;

/** A content coding that the gateway applies (RFC 9110 section 8.4.1). */
export type Coding = typeof CODINGS[number];
