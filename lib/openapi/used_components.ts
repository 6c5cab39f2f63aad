import { isRecord } from "../core/is_record.ts";
import type { DocObject } from "./document.ts";

type Components = Readonly<Record<string, Readonly<Record<string, DocObject>>>>;

/** Returns the components that a document refers to, directly or through others. */
export function usedComponents(paths: DocObject, components: Components): Components {
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isRecord(value)) return;
    const { $ref, security } = value;
    for (const required of Array.isArray(security) ? security : []) {
      for (const name of Object.keys(required)) used.add(`#/components/securitySchemes/${name}`);
    }
    if (typeof $ref === "string" && !used.has($ref)) {
      used.add($ref);
      const [, , kind = "", name = ""] = $ref.split("/");
      visit(components[kind]?.[name]);
    }
    Object.values(value).forEach(visit);
  };
  visit(paths);
  const kinds = Object.entries(components).map(([kind, named]) => {
    const kept = Object.entries(named).filter(([name]) => used.has(`#/components/${kind}/${name}`));
    return [kind, Object.fromEntries(kept)] as const;
  });
  return Object.fromEntries(kinds.filter(([, named]) => Object.keys(named).length > 0));
}
