import * as v from "valibot";
import { object } from "./object.ts";
import { count, duration, size } from "./values.ts";

/** When the gateway sheds load to protect itself. */
export const overloadSchema = object({
  /**
   * Maximum memory for all buffered bodies together; requests beyond it get 503. Default: half of the
   * heap's limit, at most 1 GiB.
   */
  maxBuffered: v.optional(size),
  /**
   * Maximum requests in flight, streams included. Beyond it optional parts are left out; 25 % beyond it
   * requests get 503. Default: unlimited.
   */
  maxInFlight: v.optional(count),
  /**
   * Maximum time that requests wait for the CPU before their calls begin. Beyond it optional parts are
   * left out; 25 % beyond it requests get 503. Default: unlimited.
   */
  maxLag: v.optional(duration),
});
