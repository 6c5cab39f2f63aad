import * as v from "valibot";
import type { Inputs } from "../template/inputs.ts";
import {
  type Json,
  parseTextTemplate,
  parseValueTemplate,
  type Template,
} from "../template/template.ts";
import { value } from "./facts.ts";
import { object } from "./object.ts";
import { oneName } from "./one_name.ts";
import { count, jsonOf, nonEmptyText, pointer, template } from "./values.ts";

const ITEM = "{item}";

/** The schema of a part's `batch`. */
export const batchedListSchema = object({
  /** The list of values: `"{order.items[].productId}"`. */
  of: oneName,
  /** Query parameter for the values, repeated for each: `ids`. Default: none, with `body`. */
  param: v.optional(nonEmptyText),
  /** Joins the values in one parameter: `","`. Default: the parameter is repeated. */
  join: v.optional(nonEmptyText),
  /** The JSON to send, where `"{item}"` is the list of the values. Default: none, with `param`. */
  body: v.optional(value(
    "JSON template",
    true,
    template<Json, Template<unknown>>((value) => parseValueTemplate(jsonOf(value))),
  )),
  /**
   * JSON Pointer to the value in each item of the response, a list: `/id`. Default: the response is an
   * object with a member for each value.
   */
  by: v.optional(pointer),
  /** Maximum values of one call. */
  max: v.optional(count, 50),
  /** Maximum values of all calls together. */
  maxItems: v.optional(count, 1000),
}, {
  oneOf: [{ required: ["param"] }, { required: ["body"] }],
  dependentRequired: { join: ["param"] },
});

/** What a part says about its batch. */
export type BatchedListKeys = v.InferOutput<typeof batchedListSchema>;

/** Returns the template of the parameter that carries the values. */
export function valuesTemplate(join: string | undefined): Template<string[]> {
  const { names, expand } = parseTextTemplate(ITEM);
  if (join === undefined) return { names, expand };
  return {
    names,
    expand(inputs: Inputs) {
      const texts = expand(inputs);
      const unfit = texts.find((text) => text.includes(join));
      if (unfit !== undefined) throw inputs.fault(`item: must not contain ${JSON.stringify(join)}`);
      return [texts.join(join)];
    },
  };
}
