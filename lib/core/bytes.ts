/** Bytes in an unshared buffer, as fetch and Response accept them. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Joins chunks into one array; returns a single chunk as is. */
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
