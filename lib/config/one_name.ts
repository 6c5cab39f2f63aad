import { parseOnlyName, type TemplateName } from "../template/reference.ts";
import { value } from "./facts.ts";
import { readAs } from "./values.ts";

/** A single name in braces. */
export const oneName = value(
  '"{name}"',
  { type: "string", pattern: '^\\{([^{}".]|\\.(?!\\.)|"([^"\\\\]|\\\\.)*")+\\}$' },
  readAs<string, TemplateName>(
    'must be a single {name} such as "{profile.friendIds}"',
    (value) => typeof value === "string" ? parseOnlyName(value) : undefined,
  ),
);
