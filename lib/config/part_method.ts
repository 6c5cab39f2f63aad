import type * as v from "valibot";
import { oneOf } from "./values.ts";

export const partMethod = oneOf(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY"],
  "must be a method such as GET",
);

/** @internal */
export type MethodInput = v.InferInput<typeof partMethod>;
/** The methods that a part can use. */
export type PartMethod = MethodInput;
