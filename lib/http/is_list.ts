import { parseList } from "structured-headers";

/** Whether a header's value is absent or a valid List (RFC 9651). */
export function isList(value: string | null): boolean {
  try {
    return value === null || parseList(value).length >= 0;
  } catch {
    return false;
  }
}
