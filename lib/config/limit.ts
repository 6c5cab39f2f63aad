import * as v from "valibot";
import { bucketShape } from "../limiter/bucket.ts";
import type { Limit, NamedLimit } from "../limiter/limit.ts";
import { choice } from "./facts.ts";
import { list, object, record } from "./object.ts";
import type { Reader } from "./reader.ts";
import { requestValue } from "./request_value.ts";
import { count, duration, flag, oneOf, rate, text } from "./values.ts";

const allowanceSchema = object({
  /** Tokens refilled per period. */
  rate,
  /** Bucket size in tokens. */
  burst: count,
});

const SOURCE_RULE =
  "must be client, ip, all, header:NAME, claim:NAME, cookie:NAME, query:NAME or param:NAME";
const BY_RULE = `${SOURCE_RULE}, or a list of these`;
const words = oneOf(["client", "ip", "all"], SOURCE_RULE);
const keySource = choice(v.union([words, requestValue], SOURCE_RULE), words, requestValue);
const oneSource = v.pipe(
  v.union([words, requestValue], BY_RULE),
  v.transform((source) => [source]),
);
const sources = list(keySource, BY_RULE, 1);

/** A named rate policy. */
export const limitSchema = object({
  /** Tokens refilled per period. */
  rate,
  /** Bucket size in tokens. */
  burst: count,
  /** What identifies a client: the first of these that a request has; the address if it has none. */
  by: v.optional(
    choice(
      v.lazy((input) => Array.isArray(input) ? sources : oneSource),
      keySource,
      sources,
    ),
    ["client", "ip"],
  ),
  /** Maximum time that a request waits for tokens before it is rejected. Default: no waiting. */
  wait: v.optional(duration),
  /** Maximum number of requests that wait for one bucket. */
  queue: v.optional(count, 100),
  /**
   * Decision while the store is unavailable: `local` counts in each process separately, `open` allows
   * every request, `closed` rejects every request.
   */
  onStoreFailure: v.optional(
    oneOf(["local", "open", "closed"], "must be local, open or closed"),
    "local",
  ),
  /** Rates for known clients, by tier. Default: none. */
  tiers: v.optional(record(text, allowanceSchema, "must be an object of tiers by name"), {}),
  /** Whether each route has its own bucket. */
  perRoute: v.optional(flag, false),
  /** Whether responses also have `X-RateLimit-Limit`, `-Remaining` and `-Reset`, for older clients. */
  legacyHeaders: v.optional(flag, false),
  /**
   * When tokens are refunded: `fault` for responses with status 500 and above, `hit` for cache hits,
   * `success` for statuses below 400, so that only failures count, as for a login. Default: never.
   */
  refund: v.optional(
    list(
      oneOf(["hit", "fault", "success"], "must be hit, fault or success"),
      "must be a list of hit, fault and success",
    ),
    [],
  ),
});

/** @internal */
export type AllowanceKeys = v.InferInput<typeof allowanceSchema>;
/** A token bucket's rate and size. */
export type Allowance = AllowanceKeys;
/** @internal */
export type LimitKeys = v.InferInput<typeof limitSchema>;
/** A named rate policy: one token bucket per client. */
export type LimitConfig = LimitKeys;
/** @internal */
export type KeySourceInput = v.InferInput<typeof keySource>;
/** What a limit identifies clients by. */
export type KeySource = KeySourceInput;
/** What a limit identifies clients by, with the header's name parsed. */
export type KeySourceSettings = v.InferOutput<typeof keySource>;

/** Why tokens are refunded. */
export type Refund = "hit" | "fault" | "success";

/** A named rate policy, with what identifies a client, its tiers and its refunds. */
export interface LimitSettings extends NamedLimit {
  readonly by: readonly KeySourceSettings[];
  readonly refund: ReadonlySet<Refund>;
  /** Whether responses have the older headers, too. */
  readonly legacyHeaders: boolean;
}

/** Parses a limit; undefined, with every problem reported, if it is invalid. */
export function readLimit(
  name: string,
  input: unknown,
  path: readonly string[],
  reader: Reader,
): LimitSettings | undefined {
  const read = reader.read(limitSchema, input, path);
  if (!read) return undefined;
  const { wait = 0, queue, onStoreFailure, by, perRoute, legacyHeaders } = read;
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
  const refund = new Set(read.refund);
  return allowance && { name, by, allowance, tiers, perRoute, refund, legacyHeaders };
}
