/** Bytes in memory of their own, as fetch and Response take them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** The chunks as one array; a single chunk is given back as it is. */
export function joinBytes(chunks: readonly Bytes[]): Bytes {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
