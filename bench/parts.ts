import type { Bytes } from "../lib/core/bytes.ts";

/** A JSON document of a kilobyte, as APIs answer them: short texts, numbers, a list. */
export function kilobyteOfJson(name: string): Bytes {
  const items = Array.from({ length: 14 }, (_, index) => ({
    id: `${name}-${index}`,
    title: `Item number ${index}`,
    price: index * 1.25,
  }));
  const text = JSON.stringify({ name, items });
  return new TextEncoder().encode(text + " ".repeat(Math.max(0, 1024 - text.length)));
}
