import type { Call, Context, Reply, Source } from "../source.ts";
import type { Json } from "../template.ts";

/** A length of time: `"250ms"`, `"2s"`, `"5m"`, `"1h"`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h"}`;

/** An amount of bytes: `"512B"`, `"64KiB"`, `"4MiB"`, `"1GiB"`. */
export type Size = `${number}${"B" | "KiB" | "MiB" | "GiB"}`;

/** A text, or the environment variable that holds it: `{ env: "USERS_TOKEN" }`. */
export type Text = string | { readonly env: string };

/** So many requests in a second, a minute, an hour or a day: `"5/s"`, `"100/min"`. */
export type Rate = `${number}/${"s" | "min" | "h" | "d"}`;

/** By what a limit counts: the known client, its address, a header of its own, or all as one. */
export type KeySource = "client" | "ip" | "all" | `header:${string}`;

/** The methods that a route can have; `ANY` is all of them. */
export type RouteMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "ANY";

/** The methods that a part can ask with. */
export type PartMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A route: method, space, path. `:name` is a parameter, `*` at the end is the rest. */
export type RouteKey = `${RouteMethod} /${string}`;

/** What every upstream can say. */
export interface AnyUpstream {
  /** What one attempt may take, its body included. Default `"5s"`. */
  readonly timeout?: Duration;
  /** The largest answer that a part takes, after decoding. Default `"4MiB"`. */
  readonly maxBody?: Size;
  /** What is kept of its answers. Default: nothing. */
  readonly cache?: CacheConfig;
  /** Whether its calls are made again when they fail for want of a better moment. Default: never. */
  readonly retry?: RetryConfig;
  /**
   * What clients read of its refusals (400, 404, 409, 410, 422) in aggregates: `show` puts its JSON
   * body into the problem document as `upstream`, `hide` leaves it out. Default `"show"`.
   */
  readonly errors?: "show" | "hide";
  /** How many calls it has at once; others wait in line. Default: all that come. */
  readonly concurrency?: number | ConcurrencyConfig;
}

/** How a part's call is made again, when the upstream was unreachable, too slow, or said 429 or 5xx. */
export interface RetryConfig {
  /** How often it is made at most, the first time included. Default 3. */
  readonly attempts?: number;
  /** The wait before the second is random, up to this; before each further one, up to twice that. Default `"50ms"`. */
  readonly backoff?: Duration;
  /** What the wait grows to at most; a `Retry-After` may ask for more. Default `"1s"`. */
  readonly maxBackoff?: Duration;
  /** Which calls are made again. Name others only where twice does no harm. Default `["GET", "HEAD"]`. */
  readonly methods?: readonly PartMethod[];
  /** How many calls may be made again, of all that the upstream gets, so that no outage is multiplied. */
  readonly budget?: {
    /** The share of its calls. Default 0.2. */
    readonly share?: number;
    /** How many in a second in any case. Default 3. */
    readonly minPerSecond?: number;
  };
}

/** What is kept of answers, and for how long. `{}` follows HTTP (RFC 9111) alone. */
export interface CacheConfig {
  /** How long answers are fresh that say nothing themselves. Default: not at all. */
  readonly ttl?: Duration;
  /** How long past its freshness an answer still serves while a new one is fetched. Default: not at all. */
  readonly stale?: Duration;
  /** How long past its freshness an answer still serves when no new one can be had. Default: not at all. */
  readonly staleIfError?: Duration;
  /** Whether `ttl` counts also against what answers say; never against Set-Cookie or Authorization. */
  readonly override?: boolean;
}

/** How many calls an upstream has. */
export interface ConcurrencyConfig {
  /** How many at once. */
  readonly max: number;
  /** How many wait for their turn; any more are refused. Default twice `max`. */
  readonly queue?: number;
}

/** An HTTP API. */
export interface HttpUpstream extends AnyUpstream {
  /** Where it is; a base path in it stands before every path asked. */
  readonly url: Text;
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, Text>>;
  /** Only functions open something. */
  readonly open?: undefined;
}

/** Any async function (TypeScript configs only). */
export interface FunctionUpstream extends AnyUpstream {
  /** Asked in the place of an HTTP API. What it throws is that part's problem. */
  readonly source: Source;
  /** What tells it from an {@linkcode OpenedUpstream}. */
  readonly open?: undefined;
}

/**
 * A function with something that it keeps open, such as a pool of connections (TypeScript configs
 * only). These are methods, so that upstreams which open different things fit into one record.
 */
export interface OpenedUpstream<Opened> extends AnyUpstream {
  /**
   * Opens it, once for all calls. Calls that come meanwhile wait, each as long as its attempt may
   * take. When it fails they fail with `upstream-unreachable`, and the next call opens again.
   */
  open(): Opened | PromiseLike<Opened>;
  /** When it is opened: at the first call, or before the gateway listens. Default `"use"`. */
  readonly openAt?: "use" | "start";
  /** Asked in the place of an HTTP API, with what was opened. What it throws is that part's problem. */
  source(call: Call, ctx: Context, opened: Opened): Promise<Reply>;
  /** Ends what was opened, after the last call. Default: what it says itself, if it is disposable. */
  close?(opened: Opened): unknown;
}

/**
 * A module whose default export, a {@linkcode WorkerFunction}, runs in threads of its own, so that
 * heavy work keeps no other request waiting. Its parts send it what their `body` says.
 */
export interface WorkerUpstream extends Omit<AnyUpstream, "concurrency"> {
  /** The module's path, from the config file: `"./quotes.ts"`. */
  readonly worker: WorkerPath;
  /**
   * How many threads run it at most, and how many calls wait for one. Default one less than there
   * are cores, from 1 to 4; and a line of 100.
   */
  readonly workers?: number | ConcurrencyConfig;
  /** How large the heap of each thread may grow before it is ended. Default `"128MiB"`. */
  readonly memory?: Size;
  /** Only functions open something. */
  readonly open?: undefined;
}

/** Where a worker's module is, from the config file: `"./quotes.ts"`. */
export type WorkerPath = `./${string}` | `../${string}`;

/**
 * What a worker's module exports by default. What it returns becomes JSON, and the part's data; what
 * it throws is the part's problem. Once `signal` aborts nobody needs the result: a function that
 * does not yield soon after loses its thread.
 *
 * ```ts
 * import type { WorkerFunction } from "sluice";
 *
 * const work: WorkerFunction<{ n: number }> = ({ n }) => n ** 2;
 * export default work;
 * ```
 */
export type WorkerFunction<Input = unknown, Result = unknown> = (
  input: Input,
  options: { readonly signal: AbortSignal },
) => Result | Promise<Result>;

/** A configured API. */
export type Upstream =
  | HttpUpstream
  | FunctionUpstream
  | OpenedUpstream<unknown>
  | WorkerUpstream;

/** How the pages of a list are walked. */
export interface PagesConfig {
  /**
   * How a page names the next one: `"link"` for the `Link` header's `rel="next"` (RFC 8288), or a
   * JSON Pointer (RFC 6901) to it in the body, `"/next"`: a URL, a path, or a cursor. The walk ends
   * where there is none, null or `""`.
   */
  readonly next: "link" | `/${string}`;
  /** The query parameter that takes a cursor. */
  readonly param?: string;
  /** A JSON Pointer to the list in each page. Default `""`: the page is the list. */
  readonly items?: string;
  /** How many pages are read at most. Default 10. */
  readonly max?: number;
  /** How many items they may have in all. Default 1000. */
  readonly maxItems?: number;
  /** Whether more than that is a failure, or is left. Default `"fail"`. */
  readonly whenMore?: "fail" | "stop";
}

/** A named member of an aggregate, which asks an upstream. */
export interface Part<Name extends string = string> extends AnyPart {
  /** The upstream to ask. */
  readonly from: Name;
  /** Only a {@linkcode WorkerPart} has one. */
  readonly worker?: undefined;
  /** A path template. Default `"/"`. */
  readonly path?: `/${string}`;
  /** Default `"GET"`. */
  readonly method?: PartMethod;
  /** Query parameters, added to those of the path. */
  readonly params?: Readonly<Record<string, Json>>;
  /** Headers to send: `{ authorization: "{header.authorization}" }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer is one page of a list: the part's data is the items of all of them. */
  readonly pages?: PagesConfig;
  /** `"text"` takes any text and gives it on as a JSON string. */
  readonly as?: "text";
}

/** A named member of an aggregate, which runs a module's function in a thread of its own. */
export interface WorkerPart extends AnyPart {
  /**
   * The module's path, from the config file: `"./quotes.ts"`. All parts that name it share its
   * threads. It stands for a {@linkcode WorkerUpstream} that says nothing else.
   */
  readonly worker: WorkerPath;
  /** Only a {@linkcode Part} has one. */
  readonly from?: undefined;
}

/** What every part can say. */
export interface AnyPart {
  /** A JSON template: sent as the body, or the input of a worker's function. */
  readonly body?: Json;
  /** Replaces the upstream's timeout. */
  readonly timeout?: Duration;
  /** Replaces the upstream's cache; false for none. */
  readonly cache?: CacheConfig | false;
  /**
   * A list, as `"{profile.friendIds}"`: the part asks for each of its items, which is `{item}`, and
   * its data is the list of answers in the same order.
   */
  readonly each?: string;
  /** How many items are in flight at once. Default 8. */
  readonly concurrency?: number;
  /** How many items the list may have. Default 100. */
  readonly max?: number;
  /** Parts to wait for, besides those that its templates name. */
  readonly needs?: readonly string[];
  /** A JSON Pointer (RFC 6901) to what is taken of the answer: `"/result/rows"`. */
  readonly select?: string;
  /** Members that are kept of an object, or of each object of a list: `["id", "address.city"]`. */
  readonly pick?: readonly string[];
  /**
   * Makes the part's data of the answer, and of the data of the parts that it needs (TypeScript
   * configs only). What it throws is the part's problem.
   */
  map?(data: unknown, parts: Readonly<Record<string, unknown>>): unknown;
  /** Whether the answer is worth having without it. Default false. */
  readonly optional?: boolean;
  /** Stands in when the part fails, which is then optional. */
  readonly otherwise?: Json;
}

/** A rate, and how much of it may come at once. */
export interface Allowance {
  /** How many tokens come in. */
  readonly rate: Rate;
  /** How many tokens there are at most, at least 1. */
  readonly burst: number;
}

/** A named rate policy: a token bucket for each of those it counts. */
export interface LimitConfig extends Allowance {
  /** Who is counted: the first source that yields; the address when none does. Default `["client", "ip"]`. */
  readonly by?: KeySource | readonly KeySource[];
  /** How long a request may wait for its tokens instead of being refused. Default: not at all. */
  readonly wait?: Duration;
  /** How many requests may wait for one bucket. Default 100. */
  readonly queue?: number;
  /**
   * While the store is away: `local` counts in each process by itself, `open` lets all pass, `closed`
   * lets none pass. Default `"local"`.
   */
  readonly onStoreFailure?: "local" | "open" | "closed";
  /** Other allowances for clients of those tiers. */
  readonly tiers?: Readonly<Record<string, Allowance>>;
  /** Whether each route has a bucket of its own. Default false. */
  readonly perRoute?: boolean;
  /**
   * When tokens are given back: `fault` for an answer of 500 and more, `hit` for one from a cache.
   * Default: never.
   */
  readonly refund?: readonly ("hit" | "fault")[];
}

/** Who may be known. */
export interface ClientsConfig {
  /** Where a client shows its key: a header, or `Authorization: Bearer`. */
  readonly key: `header:${string}` | "bearer";
  /** The clients by name, their keys from the environment; or `"kv"`: records in the store. */
  readonly known: "kv" | Readonly<Record<string, { readonly env: string; readonly tier?: string }>>;
  /** Whether a request without a known key is refused. Default false. */
  readonly required?: boolean;
}

/** What every route can say. */
export interface AnyRoute<LimitName extends string = string> {
  /** The limits that count it: all must allow it, or none is charged. Default none. */
  readonly limit?: LimitName | readonly LimitName[];
  /** How many tokens it takes from each. Default 1. */
  readonly cost?: number;
}

/** A route that asks several parts at once, and answers with one JSON document. */
export interface GatherRoute<Name extends string = string, LimitName extends string = string>
  extends AnyRoute<LimitName> {
  /** What the whole request may take, from its arrival. Default `"10s"`. */
  readonly deadline?: Duration;
  /** What is kept of whole answers. Default: nothing. */
  readonly cache?: Omit<CacheConfig, "override">;
  /** The parts, by the names that they have in the answer. */
  readonly gather: Readonly<Record<string, Part<Name> | WorkerPart>>;
  /** Answers as soon as so many parts have, whichever they are. Default: all that are required. */
  readonly quorum?: number;
}

/** A route that asks several parts for the same, and answers with what the fastest answered. */
export interface FirstRoute<Name extends string = string, LimitName extends string = string>
  extends AnyRoute<LimitName> {
  /** What the whole request may take, from its arrival. Default `"10s"`. */
  readonly deadline?: Duration;
  /** What is kept of whole answers. Default: nothing. */
  readonly cache?: Omit<CacheConfig, "override">;
  /** The parts that compete. */
  readonly first: Readonly<Record<string, Part<Name> | WorkerPart>>;
}

/** A route that passes requests on to one upstream as they are. */
export interface ForwardRoute<Name extends string = string, LimitName extends string = string>
  extends AnyRoute<LimitName> {
  /** What may pass until the answer begins; its body may take longer. Default `"10s"`. */
  readonly deadline?: Duration;
  /** Replaces the upstream's cache; false for none. */
  readonly cache?: CacheConfig | false;
  /** The upstream; `strip` is taken off the front of the path. */
  readonly forward: Name | { readonly to: Name; readonly strip?: `/${string}` };
}

/** A route that answers several requests at once, each as if it had come alone; POST alone. */
export interface BatchRoute<LimitName extends string = string> extends AnyRoute<LimitName> {
  /** What the whole batch may take, from its arrival. Default `"10s"`. */
  readonly deadline?: Duration;
  /** What a batch may hold. */
  readonly batch: {
    /** How many requests. Default 20. */
    readonly max?: number;
    /** How many of them are answered at once. Default 8. */
    readonly concurrency?: number;
    /** The largest answer of one request. Default `"1MiB"`. */
    readonly maxBody?: Size;
    /** The largest answer of all together. Default `"8MiB"`. */
    readonly maxTotal?: Size;
  };
}

/** Which pages of other origins may read the answers. */
export interface Cors {
  /** Origins such as `https://app.example`, or `"*"` for all. */
  readonly origins: readonly string[];
  /** Whether they may send cookies and Authorization; not with `"*"`. Default false. */
  readonly credentials?: boolean;
}

/** All that a gateway is told. */
export interface GatewayConfig<Name extends string = string, LimitName extends string = string> {
  /** A file, `":memory:"` or a KV Connect URL. Unset: Deno KV's own default. */
  readonly store?: string;
  /** The APIs behind the gateway, by name. */
  readonly upstreams: Readonly<Record<Name, Upstream>>;
  /** Who may be known. Unset: clients are counted by address. */
  readonly clients?: ClientsConfig;
  /** The rate policies, by name. */
  readonly limits?: Readonly<Record<LimitName, LimitConfig>>;
  /** Who may speak for a client's address: `10.0.0.0/8`. Default nobody. */
  readonly trustedProxies?: readonly string[];
  /** The header that they say it in. Default `"x-forwarded-for"`. */
  readonly forwardedHeader?: string;
  /** Unset: no page of another origin may read an answer. */
  readonly cors?: Cors;
  /** The largest body that a client may send. Default `"1MiB"`. */
  readonly maxRequestBody?: Size;
  /** What all answers that are kept may take of a process's memory. Default `"64MiB"`. */
  readonly cacheMemory?: Size;
  /** What clients can ask. The most specific route answers, whatever its place. */
  readonly routes: Readonly<
    Record<
      RouteKey,
      | GatherRoute<NoInfer<Name>, NoInfer<LimitName>>
      | FirstRoute<NoInfer<Name>, NoInfer<LimitName>>
      | ForwardRoute<NoInfer<Name>, NoInfer<LimitName>>
      | BatchRoute<NoInfer<LimitName>>
    >
  >;
}

/**
 * Gives a config its types: an unknown upstream, a wrong duration or a misspelt key is then an
 * error in the editor. It returns what it was given; reading and checking come later.
 *
 * ```ts
 * import { defineGateway } from "sluice";
 *
 * export default defineGateway({
 *   upstreams: { users: { url: "http://127.0.0.1:9001", timeout: "400ms" } },
 *   routes: { "GET /users/:id": { gather: { user: { from: "users", path: "/users/{id}" } } } },
 * });
 * ```
 */
export function defineGateway<Name extends string, LimitName extends string = never>(
  config: GatewayConfig<Name, LimitName>,
): GatewayConfig<Name, LimitName> {
  return config;
}

/**
 * An upstream that keeps something open, so that the compiler knows in `source` and `close` what
 * `open` gives.
 *
 * ```ts
 * import { defineGateway, defineUpstream, json } from "sluice";
 *
 * export default defineGateway({
 *   upstreams: {
 *     settings: defineUpstream({
 *       open: () => Deno.openKv(":memory:"),
 *       source: async ({ path }, _ctx, kv) => json((await kv.get([path])).value),
 *       close: (kv) => kv.close(),
 *     }),
 *   },
 *   routes: { "GET /setting": { gather: { it: { from: "settings", path: "/x" } } } },
 * });
 * ```
 */
export function defineUpstream<Opened>(upstream: OpenedUpstream<Opened>): OpenedUpstream<Opened> {
  return upstream;
}
