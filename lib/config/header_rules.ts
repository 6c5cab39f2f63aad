import * as v from "valibot";
import type { HeaderRules } from "../template/change_headers.ts";
import { parseTextTemplate, type Template } from "../template/template.ts";
import type { TemplateName } from "../template/reference.ts";
import { value } from "./facts.ts";
import { list, object, record } from "./object.ts";
import { headerName, jsonOf, template } from "./values.ts";

const RULE = "must be an object of templates by header";
const headerValue = value(
  "template",
  { type: "string" },
  template<string, Template<string[]>>((value) => parseTextTemplate(jsonOf(value))),
);

/** What is done to headers on their way, in this order: remove, set, add. */
export const headerRulesSchema = object({
  /** Headers to remove. */
  remove: v.optional(list(headerName, "must be a list of headers"), []),
  /** Headers to set, in place of those that are there, with templates: `{ "x-user": "{claims.sub}" }`. Default: none. */
  set: v.optional(record(headerName, headerValue, RULE), {}),
  /** Headers to add to those that are there, with templates. Default: none. */
  add: v.optional(record(headerName, headerValue, RULE), {}),
});

/** @internal */
export type HeaderRulesKeys = v.InferInput<typeof headerRulesSchema>;
/** What is done to headers on their way. */
export type HeaderRulesConfig = HeaderRulesKeys;

/** Converts header rules to settings; undefined for none. */
export function headerRules(
  read: v.InferOutput<typeof headerRulesSchema> | undefined,
): HeaderRules | undefined {
  if (read === undefined) return undefined;
  const templates = (headers: Readonly<Record<string, Template<string[]>>>) =>
    Object.entries(headers).map(([name, value]) => ({ name: name.toLowerCase(), value }));
  return {
    remove: read.remove.map((name) => name.toLowerCase()),
    set: templates(read.set),
    add: templates(read.add),
  };
}

/** Every name in the templates of header rules. */
export function ruleNames({ set, add }: HeaderRules): TemplateName[] {
  return [...set, ...add].flatMap(({ value }) => value.names);
}
