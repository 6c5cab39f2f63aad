import type { UpstreamSettings } from "../config/upstream.ts";

/**
 * Returns a text that is equal for equal settings of an upstream. Functions are equal only to
 * themselves, since their text does not show what they close over.
 * @param identity a number of its own for each object
 */
export function settingsKey(
  settings: UpstreamSettings,
  identity: (of: object) => number,
): string {
  const text = JSON.stringify(settings, (_key, value: unknown) => {
    if (typeof value === "function") return `function ${identity(value)}`;
    if (value instanceof Map || value instanceof Set) return [...value];
    // JSON has neither Infinity nor bigint.
    return typeof value === "number" || typeof value === "bigint" ? `${value}` : value;
  });
  // The module of a worker, or what that imports, may have changed.
  return "worker" in settings ? `${identity(settings)} ${text}` : text;
}
