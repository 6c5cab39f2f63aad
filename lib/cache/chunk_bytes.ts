/** How much of a stored response stands in one value: below the 64 KiB that Deno KV takes, with room for its framing. */
export const CHUNK_BYTES = 60 * 1024;
