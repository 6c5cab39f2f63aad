import type { HeaderRules, HeaderTemplate } from "./change_headers.ts";

/** Returns the rules that do what two do one after the other; undefined for none. */
export function joinHeaderRules(
  first: HeaderRules | undefined,
  second: HeaderRules | undefined,
): HeaderRules | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  // What the second removes or sets anew, the first does not set or add.
  const replaced = new Set([...second.remove, ...second.set.map(({ name }) => name)]);
  const left = ({ name }: HeaderTemplate) => !replaced.has(name);
  return {
    remove: [...first.remove, ...second.remove],
    set: [...first.set.filter(left), ...second.set],
    add: [...first.add.filter(left), ...second.add],
  };
}
