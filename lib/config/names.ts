import { isRecord } from "../core/is_record.ts";
import type { Reader } from "./reader.ts";

const NAME = /^[A-Za-z_][\w-]*$/;
const NAME_RULE = "must have a name of letters, digits, - and _, with no digit or - at its start";

/** Reports a name that an upstream, a limit or a way to authenticate cannot have. */
export function checkName(path: readonly string[], reader: Reader): void {
  if (!NAME.test(path.at(-1) ?? "")) reader.report(path, NAME_RULE);
}

/** The entries of what should be an object; none if it is not, which is reported elsewhere. */
export function entries(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : [];
}
