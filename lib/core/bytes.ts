/** Bytes in an unshared buffer, as fetch and Response accept them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Joins chunks into one array; returns a single chunk as is. */
export function joinBytes(chunks: readonly Bytes[]): Bytes {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const joined = new Uint8Array(lengthOf(chunks));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** Returns the length of all chunks together. */
export function lengthOf(chunks: readonly Bytes[]): number {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  return length;
}
