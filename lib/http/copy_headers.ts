import { FieldList } from "../core/field_list.ts";

/** Returns a mutable copy, which costs a tenth of a copy by `new Headers`. */
export function copyHeaders(headers: Headers): FieldList {
  return new FieldList(headers);
}
