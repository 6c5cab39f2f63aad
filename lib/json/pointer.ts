/** Of a list there are items, and nothing else (RFC 6901 section 4). */
const INDEX = /^(?:0|[1-9]\d*)$/;

/** The keys that a JSON Pointer follows (RFC 6901); undefined when the text is none. */
export function parsePointer(text: string): string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text.slice(1).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Keys as a JSON Pointer. */
export function writePointer(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The value that keys lead to, by own properties alone; undefined where there is none. */
export function follow(value: unknown, keys: readonly string[]): unknown {
  let current = value;
  for (const key of keys) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) {
      return undefined;
    }
    if (Array.isArray(current) && !INDEX.test(key)) return undefined;
    current = Reflect.get(current, key);
  }
  return current;
}
