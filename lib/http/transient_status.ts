/** Statuses of failures that may be over a moment later, or elsewhere. */
export const TRANSIENT_STATUS: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
