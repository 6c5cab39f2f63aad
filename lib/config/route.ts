import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import type { Condition } from "../expression/condition.ts";
import type { AddressRange } from "../http/address.ts";
import type { AuthSettings } from "./auth.ts";
import { aggregateCacheSchema, cacheOrNone } from "./cache.ts";
import { type CorsSettings, routeCors } from "./cors.ts";
import { choice, value } from "./facts.ts";
import type { ForwardPath } from "./forward_path.ts";
import { forwardTarget } from "./forward_target.ts";
import type { HeaderRules } from "../template/change_headers.ts";
import type { HeaderRulesConfig } from "./header_rules.ts";
import type { LimitSettings } from "./limit.ts";
import { list, object, record } from "./object.ts";
import type { ResponseForm } from "../gather/response_form.ts";
import { responseForm } from "./response_form.ts";
import { RESERVED } from "../template/reference.ts";
import {
  type Part,
  partSchema,
  type PartSettings,
  type ValuePart,
  type WorkerPart,
} from "./part.ts";
import type { UpstreamSettings } from "./upstream.ts";
import { addressRange, count, duration, flag, nonEmptyText, size, text } from "./values.ts";
import type { WebSocketConfig, WebSocketSettings } from "./web_socket.ts";

/** The methods that a route can have; `ANY` is all of them but OPTIONS, which forwards alone can have. */
export type RouteMethod =
  | "GET"
  | "POST"
  | "PUT"
  | "PATCH"
  | "DELETE"
  | "QUERY"
  | "OPTIONS"
  | "ANY";

/** A route: method, space, path. `:name` is a parameter, `*` at the end is the rest. */
export type RouteKey = `${RouteMethod} /${string}`;

const LIMIT_RULE = "must be the name of a limit, or a list of names";
const limitName = value("limit", { type: "string" }, text);
const limitNames = list(text, LIMIT_RULE);

const AUTH_RULE = "must be the name of a way to authenticate, or a list of names";
const authName = value("auth", { type: "string" }, text);
const authNames = list(text, AUTH_RULE, 1);

const anyRoute = {
  /**
   * Names of the ways to authenticate, tried in this order; a request that passes none is rejected.
   * Default: everybody may send requests.
   */
  auth: v.optional(
    choice(
      v.union([v.pipe(authName, v.transform((name) => [name])), authNames], AUTH_RULE),
      authName,
      authNames,
    ),
  ),
  /**
   * What else must be true, a CEL expression of `claims`, `client` and `request`:
   * `claims.scope.contains('read')`; other requests are rejected with 403. Default: nothing.
   */
  require: v.optional(nonEmptyText),
  /** Names of the limits that apply; if one denies a request, no tokens are taken from any. Default: none. */
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
  /** Cross-origin access for web pages; with `false`, an upstream decides. Default: the gateway's `cors`. */
  cors: v.optional(routeCors),
  /** Maximum size of a request body. Default: the gateway's `maxRequestBody`. */
  maxRequestBody: v.optional(size),
  /** Addresses of clients that may use the route. Default: the gateway's `allow`. */
  allow: v.optional(list(addressRange, "must be a list of addresses and ranges", 1)),
  /** Addresses of clients that may not, besides those of the gateway's `deny`. Default: none. */
  deny: v.optional(list(addressRange, "must be a list of addresses and ranges"), []),
  /**
   * Whether to compress responses. Turn it off where a response contains a secret beside text that the
   * client sent. Default: as the gateway's `compress`; for a forward without a cache `false`.
   */
  compress: v.optional(flag),
};

/** The keys that every route has. */
export const anyRouteSchema = object(anyRoute);

/** What every route of the config says. */
export type AnyRoute = v.InferOutput<typeof anyRouteSchema>;

const anyAggregate = {
  ...anyRoute,
  /** Cache for whole responses. Default: no cache. */
  cache: v.optional(aggregateCacheSchema),
};

const PARTS_RULE = "must be an object of parts by name";
const partName = value(
  "name",
  { pattern: "^[A-Za-z_]\\w*$", not: { enum: [...RESERVED] } },
  text,
);
/** Parts are parsed one by one. */
const parts = choice(
  record(text, v.custom<Part | WorkerPart | ValuePart>(() => true), PARTS_RULE),
  record(partName, partSchema, PARTS_RULE, 1),
);

/** A route that calls several parts. */
export const gatherSchema = object({
  ...anyAggregate,
  /** The parts, by their names in the response. */
  gather: parts,
  /** Responds once this many parts have succeeded. Default: once all required parts have. */
  quorum: v.optional(count),
  ...responseForm,
}, raceRules("gather", ["quorum"]));

/** A route whose parts compete. */
export const firstSchema = object({
  ...anyAggregate,
  /** The parts that compete: the first success is the response. */
  first: parts,
}, raceRules("first", []));

/** In a race any part may fail, so none is marked as optional. */
function raceRules(key: string, when: readonly string[]) {
  const properties = {
    [key]: {
      additionalProperties: {
        properties: { optional: false, otherwise: false, hidden: false },
      },
    },
  };
  const ofForm = Object.keys(responseForm).map((name) => ({ required: [name] }));
  return {
    if: { required: when },
    then: { properties, not: { anyOf: ofForm } },
    not: {
      anyOf: [
        { required: ["answer", "merge"] },
        {
          required: ["problemsIn"],
          not: { anyOf: [{ required: ["answer"] }, { required: ["merge"] }] },
        },
      ],
    },
  };
}

/** A route that forwards requests. */
export const forwardSchema = object({
  ...anyRoute,
  /** Overrides the upstream's cache; `false` disables it. Default: the upstream's. */
  cache: v.optional(cacheOrNone),
  /** The upstream's name, or an object with these keys. */
  forward: forwardTarget,
});

const batchObject = object({
  /** Maximum number of requests in a batch. */
  max: v.optional(count, 20),
  /** Maximum number of requests of a batch that run concurrently. */
  concurrency: v.optional(count, 8),
  /** Maximum size of one response body; a larger one becomes a problem. */
  maxBody: v.optional(size, "1MiB"),
  /** Maximum size of all response bodies together; those beyond it become problems. */
  maxTotal: v.optional(size, "8MiB"),
});

/** A route that handles batches. */
export const batchSchema = object({
  ...anyRoute,
  /** The bounds of a batch: `{}` for the defaults. */
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
export type GatherKeys = Omit<v.InferInput<typeof gatherSchema>, "gather" | "limit" | "auth">;
/** @internal */
export type FirstKeys = Omit<v.InferInput<typeof firstSchema>, "first" | "limit" | "auth">;
/** @internal */
export type ForwardKeys = Omit<v.InferInput<typeof forwardSchema>, "forward" | "limit" | "auth">;
/** @internal */
export type BatchKeys = Omit<v.InferInput<typeof batchSchema>, "limit" | "auth">;
/** @internal */
export interface Guarded<LimitName, AuthName> {
  /**
   * Names of the ways to authenticate, tried in this order; a request that passes none is rejected.
   * Default: everybody may send requests.
   */
  readonly auth?: AuthName | readonly AuthName[] | undefined;
  /** Names of the limits that apply; if one denies a request, no tokens are taken from any. Default: none. */
  readonly limit?: LimitName | readonly LimitName[] | undefined;
}

/** A route that calls several parts concurrently, and responds with one JSON document. */
export interface GatherRoute<
  Name extends string = string,
  LimitName extends string = string,
  AuthName extends string = never,
> extends GatherKeys, Guarded<LimitName, AuthName> {
  /** The parts, by their names in the response. */
  readonly gather: Readonly<Record<string, Part<Name> | WorkerPart | ValuePart>>;
}

/** A route that calls several parts for the same data, and responds with the first success. */
export interface FirstRoute<
  Name extends string = string,
  LimitName extends string = string,
  AuthName extends string = never,
> extends FirstKeys, Guarded<LimitName, AuthName> {
  /** The parts that compete: the first success is the response. */
  readonly first: Readonly<Record<string, Part<Name> | WorkerPart | ValuePart>>;
}

/** A route that forwards requests to one upstream. */
export interface ForwardRoute<
  Name extends string = string,
  LimitName extends string = string,
  AuthName extends string = never,
> extends ForwardKeys, Guarded<LimitName, AuthName> {
  /** The upstream's name, or an object with these keys. */
  readonly forward: Name | {
    readonly to: Name;
    readonly strip?: `/${string}` | undefined;
    readonly path?: `/${string}` | undefined;
    readonly request?: HeaderRulesConfig | undefined;
    readonly response?: HeaderRulesConfig | undefined;
    readonly passHeaders?: readonly string[] | undefined;
    readonly passClientKey?: boolean | undefined;
    readonly passCredentials?: boolean | undefined;
    readonly rewriteCookies?: boolean | undefined;
    readonly websocket?: true | WebSocketConfig | undefined;
  };
}

/** A route that handles several requests in one POST, each as if it were sent on its own. */
export interface BatchRoute<LimitName extends string = string, AuthName extends string = never>
  extends BatchKeys, Guarded<LimitName, AuthName> {}

/** A parsed route. */
export type RouteSettings = GatherSettings | ForwardSettings | BatchSettings;

/** What every parsed route has. */
export interface AnyRouteSettings {
  /** The key in the config: `GET /users/:id`. */
  readonly key: string;
  readonly method: RouteMethod;
  readonly path: string;
  readonly deadlineMs: number;
  /** The ways to authenticate, in the order in which they are tried; empty: anybody may come in. */
  readonly auth: readonly AuthSettings[];
  /** What else a request must fulfil; undefined: nothing. */
  readonly require: Condition | undefined;
  readonly limits: readonly LimitSettings[];
  /** Tokens that a request takes from each limit. */
  readonly cost: number;
  /** Cross-origin access; undefined: none. */
  readonly cors: CorsSettings | undefined;
  /** Maximum size of a request body (bytes). */
  readonly maxRequestBody: number;
  /** Whose clients may use the route. */
  readonly addresses: AddressRules;
  /** Whether the gateway compresses responses. */
  readonly compress: boolean;
}

/** Which addresses may come in; those that are denied may not, whatever `allow` says. */
export interface AddressRules {
  /** Undefined: all. */
  readonly allow: readonly AddressRange[] | undefined;
  readonly deny: readonly AddressRange[];
}

/** A route that calls several parts. */
export interface GatherSettings extends AnyRouteSettings {
  readonly parts: readonly PartSettings[];
  /** The response's own form; undefined: the envelope. */
  readonly form: ResponseForm | undefined;
  /** The parts as JSON, with the source of functions: distinguishes the routes of two configs. */
  readonly written: string;
  /** How many parts must succeed; undefined: all required parts. */
  readonly quorum: number | undefined;
  /** Undefined: whole responses are not cached. */
  readonly cache: CacheSettings | undefined;
  /** Whether the route is a race: its response is that of the first part to succeed. */
  readonly isFirst: boolean;
  /** Whether any part refers to the client's body. */
  readonly readsBody: boolean;
}

/** A route that forwards requests. */
export interface ForwardSettings extends AnyRouteSettings {
  readonly to: UpstreamSettings;
  /** Undefined: nothing is cached. */
  readonly cache: CacheSettings | undefined;
  /** Prefix to remove from the path; empty for none. */
  readonly strip: string;
  /** The path to send; undefined: the client's. */
  readonly sentPath: ForwardPath | undefined;
  /** Changes to headers; undefined: none. */
  readonly request: HeaderRules | undefined;
  readonly response: HeaderRules | undefined;
  /** Headers to pass on although forwards remove them, in lower case. */
  readonly passHeaders: ReadonlySet<string>;
  /** Whether to pass on the client's key. */
  readonly passClientKey: boolean;
  /** Whether to pass on the credentials that `auth` reads. */
  readonly passCredentials: boolean;
  /** Whether cookies of the upstream are mapped to the client's URLs. */
  readonly rewriteCookies: boolean;
  /** Undefined: the route takes no WebSocket connections. */
  readonly webSocket: WebSocketSettings | undefined;
}

/** A route that handles several requests at once. */
export interface BatchSettings
  extends AnyRouteSettings, Readonly<v.InferOutput<typeof batchObject>> {}
