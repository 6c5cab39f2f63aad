import type { JsonDocument } from "../json/json_document.ts";
import { follow } from "../json/pointer.ts";

const EACH = "[]";

/**
 * Reads a path in which `items[]` stands for every item of a list: the values within the items, in
 * their order, null where an item has none. Without such a key, the value at the path.
 */
export function readEach(document: JsonDocument, path: readonly string[]): unknown {
  const at = path.findIndex((key) => key.endsWith(EACH));
  if (at < 0) return document.at(path);
  const list = document.at([...path.slice(0, at), plain(path[at])]);
  return Array.isArray(list) ? within(list, path.slice(at + 1)) : undefined;
}

function within(list: readonly unknown[], path: readonly string[]): unknown[] {
  const at = path.findIndex((key) => key.endsWith(EACH));
  if (at < 0) return list.map((item) => follow(item, path) ?? null);
  const inner = [...path.slice(0, at), plain(path[at])];
  return list.flatMap((item) => {
    const value = follow(item, inner);
    return Array.isArray(value) ? within(value, path.slice(at + 1)) : [];
  });
}

function plain(key = ""): string {
  return key.slice(0, -EACH.length);
}
