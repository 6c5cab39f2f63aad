import * as v from "valibot";
import { bucketShape } from "../limiter/bucket.ts";
import type { Limit, NamedLimit } from "../limiter/limit.ts";
import { choice } from "./facts.ts";
import { list, object, record } from "./object.ts";
import type { Reader } from "./reader.ts";
import { count, duration, flag, headerKey, oneOf, rate, text } from "./values.ts";

const allowance = {
  /** Tokens refilled per period. */
  rate,
  /** Bucket size in tokens. */
  burst: count,
};
const allowanceSchema = object(allowance);

const BY_RULE = "must be client, ip, all or header:NAME, or a list of these";
const SOURCE_RULE = "must be client, ip, all or header:NAME";
const words = oneOf(["client", "ip", "all"], SOURCE_RULE);
const keySource = choice(v.union([words, headerKey], SOURCE_RULE), words, headerKey);
const oneSource = v.pipe(v.union([words, headerKey], BY_RULE), v.transform((source) => [source]));
const sources = list(keySource, BY_RULE, 1);

/** A named rate policy. */
export const limitSchema = object({
  ...allowance,
  /** Whose requests are counted together: the first source that yields; the address when none does. */
  by: v.optional(
    choice(
      v.lazy((input) => Array.isArray(input) ? sources : oneSource),
      keySource,
      sources,
    ),
    ["client", "ip"],
  ),
  /** How long a request may wait for its tokens instead of being rejected. Default: not at all. */
  wait: v.optional(duration),
  /** Maximum requests that wait for one bucket. */
  queue: v.optional(count, 100),
  /**
   * While the store is unavailable: `local` counts in each process on its own, `open` allows every
   * request, `closed` rejects every request.
   */
  onStoreFailure: v.optional(
    oneOf(["local", "open", "closed"], "must be local, open or closed"),
    "local",
  ),
  /** Other rates for clients of these tiers. Default: none. */
  tiers: v.optional(record(text, allowanceSchema, "must be an object of tiers by name"), {}),
  /** Whether each route has a bucket of its own. */
  perRoute: v.optional(flag, false),
  /**
   * When tokens are given back: `fault` for a response of 500 and above, `hit` for one served from a
   * cache. Default: never.
   */
  refund: v.optional(
    list(oneOf(["hit", "fault"], "must be hit or fault"), "must be a list of hit and fault"),
    [],
  ),
});

/** @internal */
export type AllowanceKeys = v.InferInput<typeof allowanceSchema>;
/** A rate, and how much of it may come at once. */
export type Allowance = AllowanceKeys;
/** @internal */
export type LimitKeys = v.InferInput<typeof limitSchema>;
/** A named rate policy: a token bucket for each client that it counts. */
export type LimitConfig = LimitKeys;
/** @internal */
export type KeySourceInput = v.InferInput<typeof keySource>;
/** Whose requests a limit counts together. */
export type KeySource = KeySourceInput;
/** Whose requests a limit counts together, with a header's name apart. */
export type KeySourceSettings = v.InferOutput<typeof keySource>;

/** A named rate policy, with whom it counts and when it gives tokens back. */
export interface LimitSettings extends NamedLimit {
  readonly by: readonly KeySourceSettings[];
  readonly refund: ReadonlySet<"hit" | "fault">;
}

/** Reads a limit; undefined, and every problem reported, when it cannot be used. */
export function readLimit(
  name: string,
  input: unknown,
  path: readonly string[],
  reader: Reader,
): LimitSettings | undefined {
  const read = reader.read(limitSchema, input, path);
  if (!read) return undefined;
  const { wait = 0, queue, onStoreFailure, by, perRoute } = read;
  const allow = (
    { rate, burst }: v.InferOutput<typeof allowanceSchema>,
    path: readonly string[],
  ): Limit | undefined => {
    try {
      const shape = bucketShape(rate.tokens, rate.periodMs, burst);
      return { name, shape, waitMs: wait, queue, onStoreFailure };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return reader.report([...path, "burst"], "must refill within a year", burst);
    }
  };
  const allowance = allow(read, path);
  const tiers = new Map<string, Limit>();
  for (const [tier, allowed] of Object.entries(read.tiers)) {
    const limit = allow(allowed, [...path, "tiers", tier]);
    if (limit) tiers.set(tier, limit);
  }
  return allowance && { name, by, allowance, tiers, perRoute, refund: new Set(read.refund) };
}
