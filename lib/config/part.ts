import * as v from "valibot";
import type { CacheSettings } from "../cache/reuse.ts";
import type { EachItem } from "../gather/gather_plan.ts";
import type { MapFunction } from "../core/map_function.ts";
import type { PagesOptions } from "../gather/pages.ts";
import type { Selection } from "../json/pick.ts";
import { parseOnlyName, type TemplateName } from "../template/reference.ts";
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
import { partMethod, type UpstreamSettings, type WorkerPath, workerPath } from "./upstream.ts";
import {
  aFunction,
  count,
  duration,
  flag,
  headerName,
  isPointer,
  json,
  jsonOf,
  nonEmptyText,
  oneOf,
  pointer,
  readAs,
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
const oneName = value(
  '"{name}"',
  { type: "string", pattern: '^\\{([^{}".]|\\.(?!\\.)|"([^"\\\\]|\\\\.)*")+\\}$' },
  readAs<string, TemplateName>(
    'must be a single {name} such as "{profile.friendIds}"',
    (value) => typeof value === "string" ? parseOnlyName(value) : undefined,
  ),
);

/** What `params` is when the client's whole query is passed on. */
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

const NEXT_RULE = 'must be "link" or a JSON Pointer such as "/next"';
const pagesSchema = object({
  /**
   * How a page names the next one: `"link"` for the `Link` header's `rel="next"` (RFC 8288), or a
   * JSON Pointer (RFC 6901) to it in the body: a URL, a path, or a cursor. The walk ends where there
   * is none, null or `""`.
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
  /** The query parameter that takes a cursor. */
  param: v.optional(nonEmptyText),
  /** A JSON Pointer to the list in each page. Default: the page itself. */
  items: v.optional(
    value(
      "JSON Pointer",
      { type: "string", pattern: "^(/([^~/]|~[01])*)*$" },
      v.pipe(text, v.check(isPointer, 'must be a JSON Pointer such as "/items"')),
    ),
    "",
  ),
  /** Maximum pages. */
  max: v.optional(count, 10),
  /** Maximum items in all. */
  maxItems: v.optional(count, 1000),
  /** Whether more than that is a failure, or is left out. */
  whenMore: v.optional(oneOf(["fail", "stop"], "must be fail or stop"), "fail"),
}, { not: { required: ["next", "param"], properties: { next: { const: "link" } } } });

/** @internal */
export type PagesKeys = v.InferInput<typeof pagesSchema>;
/** How the pages of a list are walked. */
export type PagesConfig = PagesKeys;

const anyPart = {
  /** A JSON template: sent as the body, or the input of a worker's function. Default: nothing. */
  body: v.optional(bodyTemplate),
  /** Replaces the upstream's timeout. Default: the upstream's. */
  timeout: v.optional(duration),
  /** Replaces the upstream's cache; false for none. Default: the upstream's. */
  cache: v.optional(cacheOrNone),
  /**
   * A list, as `"{profile.friendIds}"`: the part makes one call for each item, which is `{item}`,
   * and its data is the list of responses in the same order.
   */
  each: v.optional(oneName),
  /** Maximum concurrent calls of an `each`. Default: 8. */
  concurrency: v.optional(count),
  /** Maximum items of an `each`. Default: 100. */
  max: v.optional(count),
  /** Parts to wait for, besides those that its templates name. */
  needs: v.optional(list(text, "must be a list of parts"), []),
  /** A JSON Pointer (RFC 6901) to what is taken from the response: `"/result/rows"`. Default: all of it. */
  select: v.optional(pointer),
  /** Members to keep of an object, or of each object of a list: `["id", "address.city"]`. Default: all. */
  pick: v.optional(list(memberName, PICK_RULE, 1)),
  /**
   * Makes the part's data from the response, and from the data of the parts that it needs
   * (TypeScript configs only). What it throws is the part's problem.
   */
  map: v.optional(aFunction<MapFunction>()),
  /**
   * Whether `map` gets every number as an `ExactNumber`, with all its digits, instead of a
   * JavaScript number. Default: false.
   */
  exact: v.optional(flag),
  /** Whether the rest is worth returning without it: then it is null when it fails. Default: false. */
  optional: v.optional(flag),
  /** Returned in its place when it fails, which makes it optional. */
  otherwise: v.optional(json),
};

const httpPart = {
  /** The path, with templates. */
  path: v.optional(pathTemplate, "/"),
  /** The method. */
  method: v.optional(partMethod, "GET"),
  /**
   * Query parameters, added to those of the path; a list repeats its name. `"{query}"` passes the
   * client's whole query on. Default: none.
   */
  params: v.optional(params, {}),
  /** Headers to send: `{ authorization: "{header.authorization}" }`. Default: none. */
  headers: v.optional(record(headerName, headerTemplate, "must be an object"), {}),
  /** The response is one page of a list: the part's data is the items of all pages. */
  pages: v.optional(pagesSchema),
  /** `"text"` accepts any text and returns it as a JSON string. Default: JSON. */
  as: v.optional(value('"text"', { const: "text" }, v.literal("text", 'must be "text"'))),
};

/** A member of an aggregate. */
export const partSchema = object({
  /** The upstream to call. */
  from: v.optional(text),
  /** In place of `from`: a worker module's path, relative to the config file. */
  worker: v.optional(workerPath),
  ...httpPart,
  ...anyPart,
}, {
  oneOf: [{ required: ["from"] }, { required: ["worker"] }],
  dependentRequired: { concurrency: ["each"], max: ["each"], exact: ["map"] },
  not: {
    anyOf: [
      { required: ["optional", "otherwise"], properties: { optional: { const: false } } },
      ...["select", "pick", "pages"].map((key) => ({ required: ["as", key] })),
      ...["each", "select"].map((key) => ({ required: ["pages", key] })),
      { required: ["pages", "method"], properties: { method: { const: "HEAD" } } },
      ...["path", "method", "params", "headers", "pages", "as"].map((key) => ({
        required: ["worker", key],
      })),
    ],
  },
});

const anyPartShape = v.object(anyPart);
const httpPartShape = v.object(httpPart);

/** @internal */
export type AnyPartKeys = Omit<v.InferInput<typeof anyPartShape>, "map">;
/** @internal */
export type HttpPartKeys = v.InferInput<typeof httpPartShape>;

/** What every part can have. */
export interface AnyPart extends AnyPartKeys {
  /**
   * Makes the part's data from the response, and from the data of the parts that it needs
   * (TypeScript configs only). What it throws is the part's problem. A method, so that it may state
   * what it takes.
   */
  map?(data: unknown, parts: Readonly<Record<string, unknown>>): unknown;
}

/** A named member of an aggregate, which calls an upstream. */
export interface Part<Name extends string = string> extends AnyPart, HttpPartKeys {
  /** The upstream to call. */
  readonly from: Name;
  /** Only a {@linkcode WorkerPart} has one. */
  readonly worker?: undefined;
}

/** A named member of an aggregate, which runs a module's function in a thread of its own. */
export interface WorkerPart extends AnyPart {
  /**
   * The module's path, relative to the config file. All parts that name it share its threads. It is
   * short for a `WorkerUpstream` with every default.
   */
  readonly worker: WorkerPath;
  /** Only a {@linkcode Part} has one. */
  readonly from?: undefined;
}

type SaidPart = v.InferOutput<typeof partSchema>;
/** A part as the schema reads it; `params` without the client's whole query. */
export type ReadPart = SaidPart & {
  readonly params: Exclude<SaidPart["params"], typeof WHOLE_QUERY>;
};

/** How the pages of a list are walked. */
export type PagesSettings = v.InferOutput<typeof pagesSchema> & Pick<PagesOptions, "base">;

/** A member of an aggregate, with its upstream. */
export interface PartSettings extends Pick<ReadPart, "method" | "path" | "params" | "headers"> {
  readonly name: string;
  readonly upstream: UpstreamSettings;
  readonly body: ReadPart["body"];
  /** The keys that lead to what is taken; undefined for all. */
  readonly select: ReadPart["select"];
  readonly map: ReadPart["map"];
  /** Whether `map` gets every number as an ExactNumber. */
  readonly isExact: boolean;
  /** Whether the client's query goes with it, but for what the part says itself. */
  readonly passesQuery: boolean;
  readonly timeoutMs: number;
  /** Undefined: nothing is stored. */
  readonly cache: CacheSettings | undefined;
  /** The parts whose data it is made from. */
  readonly needs: readonly string[];
  /** Undefined: it makes one call. */
  readonly each: EachItem | undefined;
  /** Undefined: its response is the whole. */
  readonly pages: PagesSettings | undefined;
  readonly as: "json" | "text";
  /** Undefined: every member is kept. */
  readonly pick: Selection | undefined;
  readonly optional: boolean;
  /** Undefined: null stands in. */
  readonly otherwise: unknown;
}
