import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { parseValueTemplate, type Template } from "../template/template.ts";
import type { Json } from "../template/template.ts";
import { value } from "./facts.ts";
import { record } from "./object.ts";
import { headerName, jsonOf, nonEmptyText, oneOf, readAs, template, text } from "./values.ts";

const answerTemplate = value(
  "JSON template",
  true,
  template<Json, Template<unknown>>((value) => parseValueTemplate(jsonOf(value))),
);
const PART_HEADER = /^\{([A-Za-z_]\w*)\.header\.([\w-]+)\}$/;
const partHeader = value(
  '"{PART.header.NAME}"',
  { type: "string", pattern: PART_HEADER.source },
  readAs<`{${string}.header.${string}}`, { readonly part: string; readonly from: string }>(
    'must be a header of a part such as "{created.header.location}"',
    (value) => {
      const [, part, from] = PART_HEADER.exec(String(value)) ?? [];
      return part && from ? { part, from: from.toLowerCase() } : undefined;
    },
  ),
);

/** The keys by which a route has a response of its own form. */
export const responseForm = {
  /**
   * The response's body, a JSON template of the parts and the request, in place of the envelope:
   * `{ id: "{order.id}", name: "{customer.name}" }`. What is missing in it is null. Default: the
   * envelope with `data` and `complete`.
   */
  answer: v.optional(answerTemplate),
  /**
   * Puts the members of the parts side by side at the root of the response, in place of the envelope; of
   * equal names the later part's wins. `deep` also merges the objects in them. Default: the envelope.
   */
  merge: v.optional(oneOf(["shallow", "deep"], "must be shallow or deep")),
  /**
   * The member of `answer` or `merge` with the problems of the parts that failed, if any did. Default:
   * only the header `Gateway-Complete` tells.
   */
  problemsIn: v.optional(nonEmptyText),
  /** The part whose status is the response's, if it is 2xx, such as 201. Default: 200. */
  status: v.optional(text),
  /** Headers of parts' responses to send: `{ location: "{created.header.location}" }`. Default: none. */
  headers: v.optional(record(headerName, partHeader, "must be an object"), {}),
};

/** What a route says of the form of its response, as it is written. */
export function formKeys(input: unknown): unknown[] {
  return isRecord(input) ? Object.keys(responseForm).map((key) => input[key]) : [];
}
