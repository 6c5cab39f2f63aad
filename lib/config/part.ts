import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import type { EachItem } from "../gather/gather_part.ts";
import type { MapFunction } from "../core/map_function.ts";
import type { Selection } from "../json/pick.ts";
import type { Renaming } from "../json/rename.ts";
import {
  type Json,
  parsePathTemplate,
  parseTextTemplate,
  parseValueTemplate,
  type PathTemplate,
  type Template,
} from "../template/template.ts";
import { cacheOrNone } from "./cache.ts";
import { choice, value } from "./facts.ts";
import { list, object, record } from "./object.ts";
import { type BatchedListKeys, batchedListSchema } from "./batched_list.ts";
import { oneName } from "./one_name.ts";
import { partMethod } from "./part_method.ts";
import type { PartConditionSettings } from "./part_condition.ts";
import { pagesSchema, type PagesSettings } from "./pages.ts";
import { type UpstreamSettings, type WorkerPath, workerPath } from "./upstream.ts";
import {
  aFunction,
  count,
  duration,
  flag,
  headerName,
  json,
  jsonOf,
  nonEmptyText,
  pointer,
  template,
  text,
} from "./values.ts";

const pathTemplate = value(
  "path template",
  { type: "string", pattern: "^/[^\\s\\\\#{]*(\\{.*)?$" },
  template<`/${string}`, PathTemplate>((value) => parsePathTemplate(String(value))),
);
const textTemplate = value(
  "template",
  {
    anyOf: [
      { type: ["string", "number", "boolean", "null"] },
      { type: "array", items: { type: ["string", "number", "boolean", "null", "array"] } },
    ],
  },
  template<Json, Template<string[]>>((value) => parseTextTemplate(jsonOf(value))),
);
const headerTemplate = value(
  "template",
  { type: ["string", "number", "boolean", "null", "array"] },
  template<string, Template<string[]>>((value) => parseTextTemplate(jsonOf(value))),
);
const bodyTemplate = value(
  "JSON template",
  true,
  template<Json, Template<unknown>>((value) => parseValueTemplate(jsonOf(value))),
);
/** The value of `params` that passes on the client's whole query. */
export const WHOLE_QUERY = "{query}";
const wholeQuery = value(`"${WHOLE_QUERY}"`, { const: WHOLE_QUERY }, v.literal(WHOLE_QUERY));
const someParams = record(
  text,
  textTemplate,
  `must be an object, or "${WHOLE_QUERY}" for the client's whole query`,
);
const params = choice(
  v.lazy((input) => input === WHOLE_QUERY ? wholeQuery : someParams),
  someParams,
  wholeQuery,
);

const PICK_RULE = 'must be a list of members such as "id" or "address.city"';
const memberName = value(
  "member",
  { type: "string", pattern: "^[^.]+(\\.[^.]+)*$" },
  v.pipe(text, v.regex(/^[^.]+(?:\.[^.]+)*$/, PICK_RULE)),
);

const RENAME_RULE = 'must be an object of new names such as { "address.zip": "postcode" }';

const anyPart = {
  /** The JSON to send, with templates; a worker receives it as its input. Default: no body. */
  body: v.optional(bodyTemplate),
  /** Overrides the upstream's timeout. Default: the upstream's. */
  timeout: v.optional(duration),
  /** Overrides the upstream's cache; `false` disables it. Default: the upstream's. */
  cache: v.optional(cacheOrNone),
  /**
   * A list such as `"{profile.friendIds}"`: the part makes one call per `{item}`, and its data is the
   * list of their responses, in order.
   */
  each: v.optional(oneName),
  /**
   * Sends the values of a list together, and returns the list of their results, in order: one call for
   * many values instead of an `each`. Default: a single call.
   */
  batch: v.optional(batchedListSchema),
  /** Maximum concurrent calls of an `each` or a `batch`. Default: 8. */
  concurrency: v.optional(count),
  /** Maximum number of items of an `each`. Default: 100. */
  max: v.optional(count),
  /**
   * Calls the part only if this is true, a CEL expression of the route's parameters, `query`, `header`,
   * `body`, `claims`, an `each`'s `item`, and other parts: `order.isGift && query.full != 'no'`. Else the
   * response lacks it, which is no failure. Default: always.
   */
  when: v.optional(nonEmptyText),
  /**
   * `"null"` calls the part although one that it needs was not called because of its `when`, with null
   * in place of that one's data. Default: it is not called, either.
   */
  whenAbsent: v.optional(value('"null"', { const: "null" }, v.literal("null", 'must be "null"'))),
  /** Further parts to wait for, besides those that the templates name. Default: none. */
  needs: v.optional(list(text, "must be a list of parts"), []),
  /** JSON Pointer (RFC 6901) to the value to select from the response: `/result/rows`. Default: the whole response. */
  select: v.optional(pointer),
  /** Members to pick from an object, or from each object of a list: `["id", "address.city"]`. Default: all. */
  pick: v.optional(list(memberName, PICK_RULE, 1)),
  /**
   * New names for members of an object, or of each object of a list, after `pick`:
   * `{ "address.zip": "postcode" }`. Default: none.
   */
  rename: v.optional(record(memberName, nonEmptyText, RENAME_RULE, 1)),
  /**
   * A function that computes the part's data from the response and the data of the parts it needs
   * (TypeScript configs only). An exception becomes the part's problem. Default: none.
   */
  map: v.optional(aFunction<MapFunction>()),
  /**
   * Whether `map` receives numbers as `ExactNumber`, with every digit, instead of as JavaScript
   * numbers. Default: false.
   */
  exact: v.optional(flag),
  /**
   * Whether the part only feeds others: the response has no member for it. Its failure still counts.
   * Default: false.
   */
  hidden: v.optional(flag),
  /** Whether the response is sent without the part if it fails, with null in its place. Default: false. */
  optional: v.optional(flag),
  /** Fallback value to return if the part fails; makes the part optional. Default: none. */
  otherwise: v.optional(json),
};

const httpPart = {
  /** The path to call, with templates: `/users/{id}`. */
  path: v.optional(pathTemplate, "/"),
  /** The HTTP method. */
  method: v.optional(partMethod, "GET"),
  /**
   * Whether a POST changes nothing, as a search or a GraphQL query does: its calls are then retried,
   * hedged, coalesced and cached like those of a GET, by their body. Default: false.
   */
  safe: v.optional(flag),
  /**
   * Query parameters, in addition to those of the path; a list repeats the parameter. `"{query}"`
   * passes on the client's whole query. Default: none.
   */
  params: v.optional(params, {}),
  /** Headers to send, with templates: `{ authorization: "{header.authorization}" }`. Default: none. */
  headers: v.optional(record(headerName, headerTemplate, "must be an object"), {}),
  /** Fetches a paged list: the part's data is the items of all pages. Default: a single response. */
  pages: v.optional(pagesSchema),
  /** `"text"` accepts a text response and returns it as a JSON string. Default: JSON. */
  as: v.optional(value('"text"', { const: "text" }, v.literal("text", 'must be "text"'))),
};

/** The keys about a call, which a part with a value does not make. */
export const CALL_KEYS = [
  ...["path", "method", "safe", "params", "headers", "pages", "as", "body", "timeout", "cache"],
  ...["each", "batch", "concurrency", "max", "select", "pick", "rename", "map", "exact"],
] as const;

/** The schema of a part. */
export const partSchema = object({
  /** The upstream's name; required unless `worker` or `value` is set. Default: none. */
  from: v.optional(text),
  /** The path of a worker module, relative to the config file, instead of `from`. Default: none. */
  worker: v.optional(workerPath),
  /**
   * The part's data, instead of a call: JSON whose strings may be templates, as in `body`. Default: none.
   */
  value: v.optional(bodyTemplate),
  ...httpPart,
  ...anyPart,
}, {
  oneOf: [{ required: ["from"] }, { required: ["worker"] }, { required: ["value"] }],
  dependentRequired: { max: ["each"], exact: ["map"] },
  not: {
    anyOf: [
      { required: ["optional", "otherwise"], properties: { optional: { const: false } } },
      ...["select", "pick", "rename", "pages"].map((key) => ({ required: ["as", key] })),
      ...["each", "select"].map((key) => ({ required: ["pages", key] })),
      ...["each", "pages", "as"].map((key) => ({ required: ["batch", key] })),
      {
        required: ["concurrency"],
        not: { anyOf: [{ required: ["each"] }, { required: ["batch"] }] },
      },
      { required: ["pages", "method"], properties: { method: { const: "HEAD" } } },
      {
        required: ["safe"],
        properties: { safe: { const: true } },
        not: { required: ["method"], properties: { method: { const: "POST" } } },
      },
      ...["path", "method", "safe", "params", "headers", "pages", "as", "batch"].map((key) => ({
        required: ["worker", key],
      })),
      ...CALL_KEYS.map((key) => ({ required: ["value", key] })),
    ],
  },
});

const anyPartShape = v.object(anyPart);
const httpPartShape = v.object(httpPart);

/** @internal */
export type AnyPartKeys = Omit<v.InferInput<typeof anyPartShape>, "map">;
/** @internal */
export type HttpPartKeys = v.InferInput<typeof httpPartShape>;

/** The keys that every part has. */
export interface AnyPart extends AnyPartKeys {
  /**
   * Computes the part's data from the response and the data of the parts it needs (TypeScript configs
   * only). An exception becomes the part's problem. A method, so that its parameters can be typed.
   */
  map?(data: unknown, parts: Readonly<Record<string, unknown>>): unknown;
}

/** A part of an aggregate that calls an upstream. */
export interface Part<Name extends string = string> extends AnyPart, HttpPartKeys {
  /** The upstream to call. */
  readonly from: Name;
  /** Only a {@linkcode WorkerPart} has it. */
  readonly worker?: undefined;
  /** Only a {@linkcode ValuePart} has it. */
  readonly value?: undefined;
}

/** A part of an aggregate that calls nothing: its data is written down. */
export interface ValuePart
  extends Pick<AnyPart, "when" | "whenAbsent" | "needs" | "hidden" | "optional" | "otherwise"> {
  /** The data, whose strings may be templates: `{ id: "{id}", kind: "order" }`. */
  readonly value: Json;
  /** Only a {@linkcode Part} has it. */
  readonly from?: undefined;
  /** Only a {@linkcode WorkerPart} has it. */
  readonly worker?: undefined;
}

/** A part of an aggregate that runs a module's function in a worker thread. */
export interface WorkerPart extends AnyPart {
  /**
   * The module's path, relative to the config file. All parts with this module share its threads. Short
   * for a `WorkerUpstream` with every default.
   */
  readonly worker: WorkerPath;
  /** Only a {@linkcode Part} has it. */
  readonly from?: undefined;
  /** Only a {@linkcode ValuePart} has it. */
  readonly value?: undefined;
}

type PartOutput = v.InferOutput<typeof partSchema>;
/** A part as the schema parses it; `params` without the client's whole query. */
export type ReadPart = PartOutput & {
  readonly params: Exclude<PartOutput["params"], typeof WHOLE_QUERY>;
};

/** A parsed part, with its upstream. */
export interface PartSettings extends Pick<ReadPart, "method" | "path" | "params" | "headers"> {
  readonly name: string;
  readonly upstream: UpstreamSettings;
  /** Whether its calls change nothing, whatever the method. */
  readonly isSafe: boolean;
  readonly body: ReadPart["body"];
  /** The keys that lead to the selected value; undefined: the whole response. */
  readonly select: ReadPart["select"];
  readonly map: ReadPart["map"];
  /** Whether `map` receives numbers as ExactNumber. */
  readonly isExact: boolean;
  /** Whether the client's query is passed on, except for parameters that the part sets. */
  readonly passesQuery: boolean;
  readonly timeoutMs: number;
  /** Undefined: nothing is cached. */
  readonly cache: CacheSettings | undefined;
  /** The parts to wait for. */
  readonly needs: readonly string[];
  /** Undefined: it is always called. */
  readonly when: PartConditionSettings | undefined;
  /** Whether it is called although a part that it needs was not. */
  readonly acceptsSkipped: boolean;
  /** Undefined: a single call. */
  readonly each: EachItem | undefined;
  /** Undefined: a single call. */
  readonly batch: (BatchedListKeys & { readonly concurrency: number }) | undefined;
  /** Undefined: a single response. */
  readonly pages: PagesSettings | undefined;
  readonly as: "json" | "text";
  /** Undefined: every member. */
  readonly pick: Selection | undefined;
  /** Undefined: no member is renamed. */
  readonly rename: Renaming | undefined;
  /** Whether the response has no member for it. */
  readonly isHidden: boolean;
  readonly optional: boolean;
  /** The fallback value; undefined: null. */
  readonly otherwise: unknown;
}
