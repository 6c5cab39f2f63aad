/** What the operator is told is true now, and for nobody else. */
export const NO_STORE = { "cache-control": "no-store" } as const;
