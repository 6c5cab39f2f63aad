import * as v from "valibot";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import { breakerSchema, breakerSettings } from "./breaker.ts";
import { cacheSchema, cacheSettings } from "./cache.ts";
import { concurrencySettings, upstreamConcurrency } from "./concurrency.ts";
import { choice, value } from "./facts.ts";
import { hedgeSchema } from "./hedge.ts";
import { object, record } from "./object.ts";
import { outboundRate } from "./outbound_rate.ts";
import { retrySchema, retrySettings } from "./retry.ts";
import { healthSchema, type TargetsSettings, upstreamUrl, upstreamUrls } from "./targets.ts";
import { type UpstreamTls, upstreamTlsSchema } from "./upstream_tls.ts";
import {
  aFunction,
  concurrency,
  duration,
  type Environment,
  flag,
  headerName,
  headerValue,
  oneOf,
  size,
  type Text,
} from "./values.ts";

const anyUpstream = {
  /** Cache for the upstream's responses. Default: no cache. */
  cache: v.optional(cacheSchema),
  /** Time limit for one attempt, including the response body. */
  timeout: v.optional(duration, "5s"),
  /** Maximum size of a response body that a part accepts, after decoding. */
  maxBody: v.optional(size, "4MiB"),
  /** Retry policy for transient failures. Default: no retries. */
  retry: v.optional(retrySchema),
  /** Circuit breaker for the upstream; `{}` for its defaults. Default: none. */
  breaker: v.optional(breakerSchema),
  /**
   * Whether problem documents of aggregates include the upstream's JSON body for a 400, 404, 409, 410
   * or 422: `show` adds it as `upstream`, `hide` omits it.
   */
  errors: v.optional(oneOf(["show", "hide"], "must be show or hide"), "show"),
};

const HOST = "^[\\w.-]+(:\\d{1,5})?$";
/** A name, and a port if it is not the default. */
const hostName = value(
  "host",
  { type: "string", pattern: HOST },
  v.pipe(
    v.string("must be a string"),
    v.check(
      (host) => new RegExp(HOST).test(host) && URL.canParse(`http://${host}`),
      "must be a host such as bank.internal",
    ),
  ),
);

const limited = {
  ...anyUpstream,
  /** Maximum concurrent calls; further calls queue. Default: unlimited. */
  concurrency: v.optional(upstreamConcurrency),
  /** Hedging: a second call when the first is slow; the first good reply counts. Default: none. */
  hedge: v.optional(hedgeSchema),
  /** Maximum rate of calls, from all processes that share the store. Default: unlimited. */
  rate: v.optional(outboundRate),
};

const limitedShape = v.object(limited);

/** The keys that every upstream has, except workers, whose threads limit their calls. */
export const anyUpstreamSchema = object(limited);

/** @internal */
export type UpstreamKeys = v.InferInput<typeof limitedShape>;
/** The keys that every upstream has. */
export type AnyUpstream = UpstreamKeys;

/** What a part with a value has in place of an upstream: nothing is ever called. */
export interface StaticSettings {
  readonly isStatic: true;
}

/** An HTTP API. */
export const httpUpstreamSchema = (env: Environment) =>
  object({
    /** Base URL; its path is the prefix of every call's path. */
    url: v.optional(upstreamUrl(env)),
    /** Base URLs of several targets with the same API, in place of `url`; calls are balanced over them. */
    urls: v.optional(upstreamUrls(env)),
    /** Active health checks of the targets. Default: none. */
    health: v.optional(healthSchema),
    /** Headers sent with every call; values from the environment are never printed. Default: none. */
    headers: v.optional(record(headerName, headerValue(env), "must be an object"), {}),
    /**
     * How calls are sent: `socket` is HTTP/1.1 over pooled connections; `fetch` also supports HTTP/2 and
     * the proxies in `HTTP_PROXY` and `HTTPS_PROXY`.
     */
    transport: v.optional(oneOf(["socket", "fetch"], "must be socket or fetch"), "socket"),
    /** Private CAs, and the gateway's own certificate (mutual TLS). Default: the system's CAs, no certificate. */
    tls: v.optional(upstreamTlsSchema),
    /** The `Host` header of calls, for virtual hosts; not with transport `fetch`. Default: the URL's host. */
    host: v.optional(hostName),
    /**
     * Whether the upstream may be in a private network: at a loopback, private, link-local or other
     * special address (RFC 6890). With `false`, a connection to one is closed before anything is sent,
     * whatever the URL's name resolves to; not with transport `fetch`.
     */
    allowPrivate: v.optional(flag, true),
    ...limited,
  }, {
    oneOf: [{ required: ["url"] }, { required: ["urls"] }],
    not: {
      required: ["allowPrivate", "transport"],
      properties: { allowPrivate: { const: false }, transport: { const: "fetch" } },
    },
  });

/** An async function. */
export const functionUpstreamSchema = object({
  /** The function to call; an exception becomes the part's problem. */
  source: aFunction<Source>(),
  ...limited,
});

/** A function with a resource that stays open between calls. */
export const openedUpstreamSchema = object({
  /** Opens the resource, once for all calls. */
  open: aFunction<OpenedUpstream<unknown>["open"]>(),
  /** When to open the resource: `use` at the first call, `start` before the gateway listens. */
  openAt: v.optional(oneOf(["use", "start"], "must be use or start"), "use"),
  /** The function to call, with the opened resource as an argument; an exception becomes the part's problem. */
  source: aFunction<OpenedUpstream<unknown>["source"]>(),
  /** Closes the resource after the last call. Default: disposes of it, if it is disposable. */
  close: v.optional(aFunction<NonNullable<OpenedUpstream<unknown>["close"]>>()),
  ...limited,
});

/** The path of a worker's module, relative to the config file: `"./quotes.ts"`. */
export type WorkerPath = `./${string}` | `../${string}`;

export const workerPath = value(
  "path",
  { type: "string", pattern: "^\\.\\.?/" },
  v.pipe(
    v.custom<WorkerPath>((value) => typeof value === "string", "must be a string"),
    v.check((path) => /^\.\.?\//.test(path), 'must be a path such as "./quotes.ts"'),
  ),
);

/** A module whose function runs in worker threads. */
export const workerUpstreamSchema = object({
  /** The module's path, relative to the config file. */
  worker: workerPath,
  /** Maximum threads; further calls queue. Default: one less than the number of cores, from 1 to 4. */
  workers: v.optional(concurrency),
  /** Maximum heap of one thread; a thread that exceeds it is terminated. */
  memory: v.optional(size, "128MiB"),
  ...anyUpstream,
});

/** Any upstream; a JSON config can only have the first and the last kind. */
export const upstreamSchema = (env: Environment) =>
  choice(
    v.lazy(() => httpUpstreamSchema(env)),
    httpUpstreamSchema(env),
    functionUpstreamSchema,
    openedUpstreamSchema,
    workerUpstreamSchema,
  );

/** @internal */
export type HttpUpstreamKeys = v.InferInput<ReturnType<typeof httpUpstreamSchema>>;
/** @internal */
export type FunctionUpstreamKeys = v.InferInput<typeof functionUpstreamSchema>;
/** @internal */
export type WorkerUpstreamKeys = v.InferInput<typeof workerUpstreamSchema>;

/** An HTTP API at one URL. */
export interface HttpUpstream extends HttpUpstreamKeys {
  /** Base URL; its path is the prefix of every call's path. */
  url: Text;
  /** Only a {@linkcode BalancedUpstream} has it. */
  urls?: undefined;
  /** Only an {@linkcode OpenedUpstream} has it. */
  readonly open?: undefined;
}

/** An HTTP API at several URLs, over which calls are balanced. */
export interface BalancedUpstream extends HttpUpstreamKeys {
  /** Only an {@linkcode HttpUpstream} has it. */
  url?: undefined;
  /** Base URLs of the targets, with the same scheme and path. */
  urls: NonNullable<HttpUpstreamKeys["urls"]>;
  /** Only an {@linkcode OpenedUpstream} has it. */
  readonly open?: undefined;
}

/** Any async function (TypeScript configs only). */
export interface FunctionUpstream extends FunctionUpstreamKeys {
  /** Distinguishes it from an {@linkcode OpenedUpstream}. */
  readonly open?: undefined;
}

/**
 * A function with a resource that stays open between calls, such as a connection pool (TypeScript
 * configs only). Its functions are methods, so that upstreams with different resources fit into one
 * record.
 */
export interface OpenedUpstream<Opened> extends AnyUpstream {
  /**
   * Opens the resource, once for all calls. Calls that arrive meanwhile wait, within their own
   * timeout. If it fails they fail with `upstream-unreachable`, and the next call opens again.
   */
  open(): Opened | PromiseLike<Opened>;
  /** When to open the resource: at the first call, or before the gateway listens. Default: `"use"`. */
  readonly openAt?: "use" | "start" | undefined;
  /** The function to call, with the opened resource as an argument; an exception becomes the part's problem. */
  source(call: Call, ctx: Context, opened: Opened): Promise<Reply>;
  /** Closes the resource after the last call. Default: disposes of it, if it is disposable. */
  close?(opened: Opened): unknown;
}

/**
 * A module whose default export, a {@linkcode WorkerFunction}, runs in threads of its own, so that
 * heavy work blocks no other request. Its parts send it their `body`.
 */
export interface WorkerUpstream extends WorkerUpstreamKeys {
  /** Only an {@linkcode OpenedUpstream} has it. */
  readonly open?: undefined;
}

/** A configured API. */
export type Upstream =
  | HttpUpstream
  | BalancedUpstream
  | FunctionUpstream
  | OpenedUpstream<unknown>
  | WorkerUpstream;

/**
 * What a worker's module exports by default. Its result becomes JSON, and the part's data; an
 * exception becomes the part's problem. Once `signal` aborts, the result is discarded: a thread whose
 * function does not return soon after is terminated.
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

/**
 * Types an upstream with an open resource, so that the compiler infers the argument of `source` and
 * `close` from the result of `open`.
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

/** Converts the keys that every upstream has to settings. */
export function anySettings(
  { timeout, maxBody, cache, retry, breaker, errors, concurrency, hedge, rate }: v.InferOutput<
    typeof limitedShape
  >,
) {
  return {
    cache: cacheSettings(cache),
    timeoutMs: timeout,
    maxBody,
    /** Whether problem documents omit the upstream's body. */
    hidesErrors: errors === "hide",
    retry: retrySettings(retry),
    breaker: breakerSettings(breaker),
    concurrency: concurrencySettings(concurrency),
    hedge,
    rate,
  };
}

/** A function with an open resource. */
export type OpenedSettings = Pick<
  v.InferOutput<typeof openedUpstreamSchema>,
  "open" | "openAt" | "source" | "close"
>;

/** A module whose default export runs in threads; `concurrency.max` is their number. */
export interface WorkerSettings {
  readonly worker: URL;
  /** Maximum heap of one thread (bytes). */
  readonly heapBytes: number;
}

/** An HTTP API. */
export interface HttpUpstreamSettings extends TargetsSettings {
  readonly headers: Readonly<Record<string, string>>;
  readonly transport: "socket" | "fetch";
  readonly tls: UpstreamTls | undefined;
  /** The `Host` header; undefined: the URL's. */
  readonly host: string | undefined;
  /** Whether it may be in a private network. */
  readonly allowsPrivate: boolean;
}

/**
 * An upstream: none at all (`isStatic`), an HTTP API (`base`), a function (`source`) that may keep something `open`, or a
 * module that runs in threads (`worker`).
 */
export type UpstreamSettings =
  & { readonly name: string }
  & ReturnType<typeof anySettings>
  & (
    | HttpUpstreamSettings
    | { readonly source: Source }
    | OpenedSettings
    | WorkerSettings
    | StaticSettings
  );
