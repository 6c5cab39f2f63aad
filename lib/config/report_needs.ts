import type { PartSettings } from "./part.ts";
import type { Reader } from "./reader.ts";
import { skippableParts } from "./skippable_parts.ts";

/** Reports parts that depend on each other in a cycle. */
export function reportCycle(
  parts: readonly PartSettings[],
  path: readonly string[],
  reader: Reader,
): void {
  const needs = new Map(parts.map((part) => [part.name, part.needs]));
  const known = new Set<string>();
  const walk = (name: string, way: readonly string[]): void => {
    if (way.includes(name)) {
      const cycle = [...way.slice(way.indexOf(name)), name].join(" → ");
      reader.report([...path, name], `must not depend on itself: ${cycle}`);
      return;
    }
    if (known.has(name)) return;
    known.add(name);
    const others = needs.get(name)?.filter((need) => need !== name) ?? []; // already reported
    for (const need of others) walk(need, [...way, name]);
  };
  for (const name of needs.keys()) walk(name, []);
}

/** Reports parts that accept null in place of parts that are always called. */
export function reportNeverAbsent(
  parts: readonly PartSettings[],
  path: readonly string[],
  reader: Reader,
): void {
  const skippable = skippableParts(parts);
  for (const { name, needs, acceptsSkipped } of parts) {
    if (!acceptsSkipped || needs.some((need) => skippable.has(need))) continue;
    const rule = "must only be set together with a part that it needs and that has a when";
    reader.report([...path, name, "whenAbsent"], rule);
  }
}
