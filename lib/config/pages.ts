import * as v from "valibot";
import type { PagesOptions } from "../gather/pages.ts";
import { value } from "./facts.ts";
import { object } from "./object.ts";
import { count, isPointer, nonEmptyText, oneOf, text } from "./values.ts";

const NEXT_RULE = 'must be "link" or a JSON Pointer such as "/next"';
/** The schema of `pages`. */
export const pagesSchema = object({
  /**
   * Where a page refers to the next one: `"link"` for the `Link` header's `rel="next"` (RFC 8288), or a
   * JSON Pointer (RFC 6901) to a URL, path or cursor in the body. The last page has none, null or `""`.
   */
  next: value(
    '"link" or JSON Pointer',
    { type: "string", pattern: "^(link|(/([^~/]|~[01])*)+)$" },
    v.custom<"link" | `/${string}`>(
      (value) =>
        value === "link" || (typeof value === "string" && value !== "" && isPointer(value)),
      NEXT_RULE,
    ),
  ),
  /** Query parameter for the cursor, if `next` points to a cursor. Default: none. */
  param: v.optional(nonEmptyText),
  /** JSON Pointer to the list in each page: `/items`. Default: the page itself. */
  items: v.optional(
    value(
      "JSON Pointer",
      { type: "string", pattern: "^(/([^~/]|~[01])*)*$" },
      v.pipe(text, v.check(isPointer, 'must be a JSON Pointer such as "/items"')),
    ),
    "",
  ),
  /** Maximum number of pages. */
  max: v.optional(count, 10),
  /** Maximum number of items in all pages together. */
  maxItems: v.optional(count, 1000),
  /** Whether to fail beyond `max` or `maxItems`, or to stop with the items so far. */
  whenMore: v.optional(oneOf(["fail", "stop"], "must be fail or stop"), "fail"),
}, { not: { required: ["next", "param"], properties: { next: { const: "link" } } } });

/** @internal */
export type PagesKeys = v.InferInput<typeof pagesSchema>;
/** How the pages of a list are fetched. */
export type PagesConfig = PagesKeys;

/** How the pages of a list are fetched. */
export type PagesSettings =
  & v.InferOutput<typeof pagesSchema>
  & Pick<PagesOptions, "base" | "otherOrigins">;
