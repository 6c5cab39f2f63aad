import { parseList } from "structured-headers";

/** Whether a header's value is a list after RFC 9651, or absent. */
export function isList(value: string | null): boolean {
  try {
    return value === null || parseList(value).length >= 0;
  } catch {
    return false;
  }
}
