import * as v from "valibot";
import { object } from "./object.ts";
import { flag, nonEmptyText } from "./values.ts";

/** The OpenAPI document that describes the routes. */
export const openApiSchema = object({
  /** The API's title. */
  title: v.optional(nonEmptyText, "API"),
  /** The API's version. */
  version: v.optional(nonEmptyText, "1"),
  /**
   * Whether everyone may read `/_gateway/openapi.json`, which names the routes, their parts, limits and
   * parameters; otherwise only the operator may.
   */
  public: v.optional(flag, false),
});
