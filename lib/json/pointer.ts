/** A list has only numbered items (RFC 6901 section 4). */
const INDEX = /^(?:0|[1-9]\d*)$/;

/** Parses a JSON Pointer (RFC 6901) into its keys; undefined when the text is not one. */
export function parsePointer(text: string): string[] | undefined {
  if (text === "") return [];
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return undefined;
  return text.slice(1).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Writes keys as a JSON Pointer. */
export function writePointer(keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The value at a path of keys, through own properties only; undefined when there is none. */
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
