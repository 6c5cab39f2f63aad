import type * as v from "valibot";

/** Whether a key may be left out. */
export function isOptional(entry: v.GenericSchema): boolean {
  return "wrapped" in entry;
}

/** The schema of a key's value. */
export function unwrapped(entry: v.GenericSchema): v.GenericSchema {
  return isWrapper(entry) ? entry.wrapped : entry;
}

/** The value that a config gets where it leaves the key out. */
export function defaultOf(entry: v.GenericSchema): unknown {
  return isWrapper(entry) ? entry.default : undefined;
}

function isWrapper(
  entry: v.GenericSchema,
): entry is v.GenericSchema & { readonly wrapped: v.GenericSchema; readonly default: unknown } {
  return "wrapped" in entry;
}
