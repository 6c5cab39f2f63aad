import type { Bytes } from "../lib/core/bytes.ts";

/** A JSON document of a kilobyte, as APIs return them: short texts, numbers, a list. */
export function kilobyteOfJson(name: string): Bytes {
  return jsonOfBytes(name, 1024);
}

/** The same with as many items as fit into a number of bytes; spaces fill the rest. */
export function jsonOfBytes(name: string, bytes: number): Bytes {
  const items: unknown[] = [];
  let length = JSON.stringify({ name, items }).length;
  while (true) {
    const index = items.length;
    const item = { id: `${name}-${index}`, title: `Item number ${index}`, price: index * 1.25 };
    length += JSON.stringify(item).length + 1;
    if (length > bytes) break;
    items.push(item);
  }
  return new TextEncoder().encode(JSON.stringify({ name, items }).padEnd(bytes));
}
