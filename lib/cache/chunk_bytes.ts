/** The part of a stored response in one KV value (bytes): below the limit of 64 KiB, with room for framing. */
export const CHUNK_BYTES = 60 * 1024;
