import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import { OVERRIDES } from "../http/removed_headers.ts";
import { isRecord } from "../core/is_record.ts";
import { aggregateCacheSchema, cacheOrNone } from "./cache.ts";
import { choice, value } from "./facts.ts";
import type { LimitSettings } from "./limit.ts";
import { list, object, record } from "./object.ts";
import { type Part, partSchema, type PartSettings, type WorkerPart } from "./part.ts";
import type { UpstreamSettings } from "./upstream.ts";
import { caseless, count, duration, fixedPath, flag, size, text } from "./values.ts";

/** The methods that a route can have; `ANY` is all of them. */
export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "ANY";

/** A route: method, space, path. `:name` is a parameter, `*` at the end is the rest. */
export type RouteKey = `${RouteMethod} /${string}`;

const LIMIT_RULE = "must be the name of a limit, or a list of names";
const limitName = value("limit", { type: "string" }, text);
const limitNames = list(text, LIMIT_RULE);

const anyRoute = {
  /** The limits that apply: all must allow the request, or none is charged. Default: none. */
  limit: v.optional(
    choice(
      v.union([v.pipe(limitName, v.transform((name) => [name])), limitNames], LIMIT_RULE),
      limitName,
      limitNames,
    ),
    [],
  ),
  /** Tokens that a request takes from each limit. Default: 1. */
  cost: v.optional(count),
  /** Time limit for the whole request, from its arrival. */
  deadline: v.optional(duration, "10s"),
};

/** The keys that every route has. */
export const anyRouteSchema = object(anyRoute);

const anyAggregate = {
  ...anyRoute,
  /** What is stored of whole responses. Default: nothing. */
  cache: v.optional(aggregateCacheSchema),
};

const PARTS_RULE = "must be an object of parts by name";
const partName = value(
  "name",
  { pattern: "^[A-Za-z_]\\w*$", not: { enum: ["query", "header", "body", "item"] } },
  text,
);
/** Parts are read one by one. */
const parts = choice(
  record(text, v.custom<Part | WorkerPart>(() => true), PARTS_RULE),
  record(partName, partSchema, PARTS_RULE, 1),
);

/** A route that calls several parts. */
export const gatherSchema = object({
  ...anyAggregate,
  /** The parts, by their names in the response. */
  gather: parts,
  /** Responds once this many parts have succeeded. Default: once all required parts have. */
  quorum: v.optional(count),
}, raceRules("gather", ["quorum"]));

/** A route whose parts compete. */
export const firstSchema = object({
  ...anyAggregate,
  /** The parts that compete: the first success is the response. */
  first: parts,
}, raceRules("first", []));

/** Where any part may fail, none is optional. */
function raceRules(key: string, when: readonly string[]) {
  const properties = {
    [key]: { additionalProperties: { properties: { optional: false, otherwise: false } } },
  };
  return { if: { required: when }, then: { properties } };
}

const FORWARD_RULE =
  'must be the name of an upstream, or an object such as { to: "NAME", strip: "/prefix" }';
const removedHeader = value(
  "header",
  { type: "string", pattern: `^(${caseless([...OVERRIDES].join("|"))})$` },
  v.pipe(
    text,
    v.toLowerCase(),
    v.check(
      (name) => OVERRIDES.has(name),
      "must be a header that forwards remove, such as x-http-method-override",
    ),
  ),
);
const forwardObject = object({
  /** The upstream. */
  to: text,
  /** Removed from the front of the path. Default: nothing. */
  strip: v.optional(fixedPath),
  /** Headers that reach it although forwards remove them: `X-HTTP-Method-Override`. Default: none. */
  passHeaders: v.optional(list(removedHeader, "must be a list of headers"), []),
  /** Whether the key by which `clients` knows a client reaches the upstream. */
  passClientKey: v.optional(flag, false),
});
const forwardName = value(
  "upstream",
  { type: "string" },
  v.pipe(
    text,
    v.transform((to) => ({ to, strip: undefined, passHeaders: [], passClientKey: false })),
  ),
);

/** A route that passes requests on. */
export const forwardSchema = object({
  ...anyRoute,
  /** Replaces the upstream's cache; false for none. Default: the upstream's. */
  cache: v.optional(cacheOrNone),
  /** The upstream, or the upstream and the prefix to strip. */
  forward: choice(
    v.lazy((input) => {
      if (typeof input === "string") return forwardName;
      return isRecord(input) ? forwardObject : v.never(FORWARD_RULE);
    }),
    forwardName,
    forwardObject,
  ),
});

const batchObject = object({
  /** Maximum requests of a batch. */
  max: v.optional(count, 20),
  /** Maximum requests of a batch that run at once. */
  concurrency: v.optional(count, 8),
  /** Largest response of one request. */
  maxBody: v.optional(size, "1MiB"),
  /** Largest response of the whole batch. */
  maxTotal: v.optional(size, "8MiB"),
});

/** A route that answers batches. */
export const batchSchema = object({
  ...anyRoute,
  /** The limits of a batch. */
  batch: batchObject,
});

/** Any route. */
export const routeSchema = choice(
  v.custom<unknown>(() => true),
  gatherSchema,
  firstSchema,
  forwardSchema,
  batchSchema,
);

/** @internal */
export type GatherKeys = Omit<v.InferInput<typeof gatherSchema>, "gather" | "limit">;
/** @internal */
export type FirstKeys = Omit<v.InferInput<typeof firstSchema>, "first" | "limit">;
/** @internal */
export type ForwardKeys = Omit<v.InferInput<typeof forwardSchema>, "forward" | "limit">;
/** @internal */
export type BatchKeys = Omit<v.InferInput<typeof batchSchema>, "limit">;
/** @internal */
export interface Limited<LimitName> {
  /** The limits that apply: all must allow the request, or none is charged. Default: none. */
  readonly limit?: LimitName | readonly LimitName[] | undefined;
}

/** A route that calls several parts at once, and responds with one JSON document. */
export interface GatherRoute<Name extends string = string, LimitName extends string = string>
  extends GatherKeys, Limited<LimitName> {
  /** The parts, by their names in the response. */
  readonly gather: Readonly<Record<string, Part<Name> | WorkerPart>>;
}

/** A route that calls several parts for the same data, and responds with the first success. */
export interface FirstRoute<Name extends string = string, LimitName extends string = string>
  extends FirstKeys, Limited<LimitName> {
  /** The parts that compete: the first success is the response. */
  readonly first: Readonly<Record<string, Part<Name> | WorkerPart>>;
}

/** A route that passes requests on to one upstream. */
export interface ForwardRoute<Name extends string = string, LimitName extends string = string>
  extends ForwardKeys, Limited<LimitName> {
  /** The upstream, or the upstream and the prefix to strip. */
  readonly forward: Name | {
    readonly to: Name;
    readonly strip?: `/${string}` | undefined;
    readonly passHeaders?: readonly string[] | undefined;
    readonly passClientKey?: boolean | undefined;
  };
}

/** A route that answers several requests at once, each as if it had come alone; POST alone. */
export interface BatchRoute<LimitName extends string = string>
  extends BatchKeys, Limited<LimitName> {}

/** A route: where it is, and what it does. */
export type RouteSettings = GatherSettings | ForwardSettings | BatchSettings;

interface AnyRouteSettings {
  /** As the config writes it: `GET /users/:id`. */
  readonly key: string;
  readonly method: RouteMethod;
  readonly path: string;
  readonly deadlineMs: number;
  readonly limits: readonly LimitSettings[];
  /** Tokens that a request takes from each limit. */
  readonly cost: number;
}

/** A route that calls several parts. */
export interface GatherSettings extends AnyRouteSettings {
  readonly parts: readonly PartSettings[];
  /** The parts as the config writes them, functions included: distinguishes two configs' routes. */
  readonly written: string;
  /** How many parts must succeed, whichever they are; undefined: all that are required. */
  readonly quorum: number | undefined;
  /** Undefined: whole responses are not stored. */
  readonly cache: CacheSettings | undefined;
  /** Whether the response is that of the one part which succeeded first. */
  readonly isFirst: boolean;
  /** Whether some part refers to the client's body. */
  readonly readsBody: boolean;
}

/** A route that passes requests on. */
export interface ForwardSettings extends AnyRouteSettings {
  readonly to: UpstreamSettings;
  /** Undefined: nothing is stored. */
  readonly cache: CacheSettings | undefined;
  /** Removed from the front of the path; empty for nothing. */
  readonly strip: string;
  /** Names in lower case of headers that pass although forwards remove them. */
  readonly passHeaders: ReadonlySet<string>;
  /** Whether the key that a client is known by reaches the upstream. */
  readonly passClientKey: boolean;
}

/** A route that answers several requests at once. */
export interface BatchSettings
  extends AnyRouteSettings, Readonly<v.InferOutput<typeof batchObject>> {}
