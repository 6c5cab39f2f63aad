import type { PartSettings } from "./part.ts";

/**
 * Returns the names of the parts that may not be called: those with a condition, and those that need
 * one of these, unless they accept null in its place.
 */
export function skippableParts(
  parts: readonly Pick<PartSettings, "name" | "needs" | "when" | "acceptsSkipped">[],
): Set<string> {
  const skippable = new Set(parts.filter(({ when }) => when).map(({ name }) => name));
  for (let size = -1; size < skippable.size;) {
    size = skippable.size;
    for (const { name, needs, acceptsSkipped } of parts) {
      if (!acceptsSkipped && needs.some((need) => skippable.has(need))) skippable.add(name);
    }
  }
  return skippable;
}
