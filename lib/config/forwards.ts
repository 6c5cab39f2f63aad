import * as v from "valibot";
import type { HeaderRules } from "../template/change_headers.ts";
import { headerRules, headerRulesSchema, ruleNames } from "./header_rules.ts";
import { object } from "./object.ts";
import type { Reader } from "./reader.ts";

/** What every forward does. */
export const forwardsSchema = object({
  /** Changes to the headers of requests, with templates of `query` and `header`. Default: none. */
  request: v.optional(headerRulesSchema),
  /** Changes to the headers of responses, with templates of `query` and `header`. Default: none. */
  response: v.optional(headerRulesSchema),
});

/** What every forward does, before its own rules. */
export interface ForwardsSettings {
  readonly request: HeaderRules | undefined;
  readonly response: HeaderRules | undefined;
}

/** Converts `forwards` to settings; reports templates that not every route can fill. */
export function forwardsSettings(
  read: v.InferOutput<typeof forwardsSchema> | undefined,
  reader: Reader,
): ForwardsSettings {
  const rules = { request: headerRules(read?.request), response: headerRules(read?.response) };
  for (const [key, of] of Object.entries(rules)) {
    for (const { name, reference: { from } } of of ? ruleNames(of) : []) {
      if (from === "query" || from === "header") continue;
      reader.report(
        ["forwards", key],
        `"{${name}}" must be of query or header, which every route has`,
      );
    }
  }
  return rules;
}
