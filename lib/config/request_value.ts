import { value } from "./facts.ts";
import { readAs } from "./values.ts";

const KINDS = ["header", "claim", "cookie", "query", "param"] as const;
const PATTERN = `^(${KINDS.join("|")}):([!#$%&'*+.^_\`|~\\w-]+)$`;
const RULE = "must be header:NAME, claim:NAME, cookie:NAME, query:NAME or param:NAME";

type Kind = typeof KINDS[number];

/** A value of a request. */
export interface RequestValue {
  readonly from: Kind;
  /** In lower case for a header. */
  readonly name: string;
}

/** `header:x-api-key`, `claim:sub`, `cookie:session`, `query:key` or `param:id`. */
export const requestValue = value(
  '"header:NAME", "claim:NAME", "cookie:NAME", "query:NAME" or "param:NAME"',
  { type: "string", pattern: PATTERN },
  readAs<`${Kind}:${string}`, RequestValue>(RULE, read),
);

function read(input: unknown): RequestValue | undefined {
  const [, kind, name = ""] = typeof input === "string"
    ? new RegExp(PATTERN).exec(input) ?? []
    : [];
  const from = KINDS.find((known) => known === kind);
  return from && { from, name: from === "header" ? name.toLowerCase() : name };
}
