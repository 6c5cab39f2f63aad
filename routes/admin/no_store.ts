/** The operator API's responses must not be cached. */
export const NO_STORE = { "cache-control": "no-store" } as const;
