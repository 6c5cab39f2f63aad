import * as v from "valibot";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import { cacheSchema, cacheSettings } from "./cache.ts";
import { choice, value } from "./facts.ts";
import { list, object, record } from "./object.ts";
import {
  aFunction,
  concurrency,
  count,
  duration,
  type Environment,
  fromText,
  headerName,
  headerValue,
  oneOf,
  share,
  size,
  textOrEnv,
  wholeNumber,
} from "./values.ts";

export const partMethod = oneOf(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  "must be a method such as GET",
);

/** @internal */
export type MethodInput = v.InferInput<typeof partMethod>;
/** The methods that a part can use. */
export type PartMethod = MethodInput;

const retrySchema = object({
  /** Maximum attempts, the first included. */
  attempts: v.optional(count, 3),
  /**
   * Upper bound of the random wait before the second attempt; it doubles before each further one.
   */
  backoff: v.optional(duration, "50ms"),
  /** Upper bound that the wait grows to; a `Retry-After` may ask for more. */
  maxBackoff: v.optional(duration, "1s"),
  /** Methods that are retried. Add others only where a repeated call does no harm. */
  methods: v.optional(list(partMethod, "must be a list of methods"), ["GET", "HEAD"]),
  /** How many of the upstream's calls may be retries, so that an outage is not multiplied. */
  budget: v.optional(
    object({
      /** Share of the upstream's calls. */
      share: v.optional(share, 0.2),
      /** Retries per second that are always allowed. */
      minPerSecond: v.optional(wholeNumber, 3),
    }),
    {},
  ),
});

/** @internal */
export type RetryKeys = v.InferInput<typeof retrySchema>;
/** Retry policy for transient failures: upstream unreachable, too slow, 429 or 5xx. */
export type RetryConfig = RetryKeys;

const anyUpstream = {
  /** What is stored of its responses. Default: nothing. */
  cache: v.optional(cacheSchema),
  /** Time limit for one attempt, body included. */
  timeout: v.optional(duration, "5s"),
  /** Largest response body that a part accepts, after decoding. */
  maxBody: v.optional(size, "4MiB"),
  /** Retry policy for transient failures. Default: no retries. */
  retry: v.optional(retrySchema),
  /**
   * What clients see of its refusals (400, 404, 409, 410, 422) in aggregates: `show` puts its JSON
   * body into the problem document as `upstream`, `hide` leaves it out.
   */
  errors: v.optional(oneOf(["show", "hide"], "must be show or hide"), "show"),
};

const limited = {
  ...anyUpstream,
  /** Maximum concurrent calls; further calls queue. Default: unlimited. */
  concurrency: v.optional(concurrency),
};

const limitedShape = v.object(limited);

/** The keys that every upstream has, save workers, whose threads bound their calls. */
export const anyUpstreamSchema = object(limited);

/** @internal */
export type UpstreamKeys = v.InferInput<typeof limitedShape>;
/** What every upstream can have. */
export type AnyUpstream = UpstreamKeys;

const upstreamUrl = (env: Environment) =>
  value(
    "URL",
    textOrEnv({ pattern: "^[hH][tT][tT][pP][sS]?://[^?#@]+$" }),
    fromText(
      env,
      (text) => {
        const url = URL.parse(text);
        const rule = urlRule(url);
        return url && rule === undefined ? { value: url } : { rule: rule ?? "" };
      },
      (text) => text.includes("@"),
    ),
  );

function urlRule(url: URL | null): string | undefined {
  if (url === null || !/^https?:$/.test(url.protocol)) {
    return "must be an http:// or https:// URL";
  }
  if (url.username !== "" || url.password !== "") {
    return "must not have a user or a password; set headers.authorization instead";
  }
  if (url.search !== "" || url.hash !== "") return "must not have a query or a fragment";
}

/** An HTTP API. */
export const httpUpstreamSchema = (env: Environment) =>
  object({
    /** Base URL; its path is prepended to every path. */
    url: upstreamUrl(env),
    /** Headers sent with every call; values from the environment are never printed. Default: none. */
    headers: v.optional(record(headerName, headerValue(env), "must be an object"), {}),
    /**
     * What its calls go through: `socket` is HTTP/1.1 on connections of the gateway's own, `fetch`
     * also speaks HTTP/2 and uses the proxy that `HTTP_PROXY` and `HTTPS_PROXY` name.
     */
    transport: v.optional(oneOf(["socket", "fetch"], "must be socket or fetch"), "socket"),
    ...limited,
  });

/** An async function. */
export const functionUpstreamSchema = object({
  /** Called in place of an HTTP API. What it throws is that part's problem. */
  source: aFunction<Source>(),
  ...limited,
});

/** A function with something that it keeps open. */
export const openedUpstreamSchema = object({
  /** Opens what it keeps, once for all calls. */
  open: aFunction<OpenedUpstream<unknown>["open"]>(),
  /** When it is opened: at the first call, or before the gateway listens. */
  openAt: v.optional(oneOf(["use", "start"], "must be use or start"), "use"),
  /** Called in place of an HTTP API, with what was opened. What it throws is that part's problem. */
  source: aFunction<OpenedUpstream<unknown>["source"]>(),
  /** Closes what was opened, after the last call. Default: disposes of it, if it is disposable. */
  close: v.optional(aFunction<NonNullable<OpenedUpstream<unknown>["close"]>>()),
  ...limited,
});

/** Where a worker's module is, relative to the config file: `"./quotes.ts"`. */
export type WorkerPath = `./${string}` | `../${string}`;

export const workerPath = value(
  "path",
  { type: "string", pattern: "^\\.\\.?/" },
  v.pipe(
    v.custom<WorkerPath>((value) => typeof value === "string", "must be a string"),
    v.check((path) => /^\.\.?\//.test(path), 'must be a path such as "./quotes.ts"'),
  ),
);

/** A module whose function runs in threads. */
export const workerUpstreamSchema = object({
  /** The module's path, relative to the config file. */
  worker: workerPath,
  /** Maximum threads, and how many calls queue for one. Default: one less than the cores, 1 to 4; a queue of 100. */
  workers: v.optional(concurrency),
  /** Largest heap of one thread before it is ended. */
  memory: v.optional(size, "128MiB"),
  ...anyUpstream,
});

/** Any upstream; a JSON config can have the first and the last alone. */
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

/** An HTTP API. */
export interface HttpUpstream extends HttpUpstreamKeys {
  /** Only functions open something. */
  readonly open?: undefined;
}

/** Any async function (TypeScript configs only). */
export interface FunctionUpstream extends FunctionUpstreamKeys {
  /** Distinguishes it from an {@linkcode OpenedUpstream}. */
  readonly open?: undefined;
}

/**
 * A function with something that it keeps open, such as a connection pool (TypeScript configs
 * only). These are methods, so that upstreams which open different things fit into one record.
 */
export interface OpenedUpstream<Opened> extends AnyUpstream {
  /**
   * Opens it, once for all calls. Calls that arrive meanwhile wait, each within its own attempt.
   * When it fails they fail with `upstream-unreachable`, and the next call opens again.
   */
  open(): Opened | PromiseLike<Opened>;
  /** When it is opened: at the first call, or before the gateway listens. Default `"use"`. */
  readonly openAt?: "use" | "start" | undefined;
  /** Called in place of an HTTP API, with what was opened. What it throws is that part's problem. */
  source(call: Call, ctx: Context, opened: Opened): Promise<Reply>;
  /** Closes what was opened, after the last call. Default: disposes of it, if it is disposable. */
  close?(opened: Opened): unknown;
}

/**
 * A module whose default export, a {@linkcode WorkerFunction}, runs in threads of its own, so that
 * heavy work blocks no other request. Its parts send it their `body`.
 */
export interface WorkerUpstream extends WorkerUpstreamKeys {
  /** Only functions open something. */
  readonly open?: undefined;
}

/** A configured API. */
export type Upstream =
  | HttpUpstream
  | FunctionUpstream
  | OpenedUpstream<unknown>
  | WorkerUpstream;

/**
 * What a worker's module exports by default. Its result becomes JSON, and the part's data; what it
 * throws is the part's problem. Once `signal` aborts nobody needs the result: a function that does
 * not yield soon after loses its thread.
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

const NO_RETRIES = v.parse(retrySchema, { attempts: 1 });
/** How many calls may queue for each one that an upstream may have at once. */
const QUEUE_PER_CALL = 2;

/** What every upstream has, in the units that the code uses. */
export function anySettings(
  { timeout, maxBody, cache, retry = NO_RETRIES, errors, concurrency }: v.InferOutput<
    typeof limitedShape
  >,
) {
  const { attempts, backoff, maxBackoff, methods, budget } = retry;
  return {
    cache: cacheSettings(cache),
    timeoutMs: timeout,
    maxBody,
    /** Whether clients are not told what it says about its refusals. */
    hidesErrors: errors === "hide",
    retry: {
      attempts,
      backoffMs: backoff,
      maxBackoffMs: maxBackoff,
      methods: new Set<string>(methods),
      budget,
    },
    concurrency: {
      max: concurrency?.max ?? Infinity,
      queue: concurrency?.queue ?? (concurrency?.max ?? 0) * QUEUE_PER_CALL,
    },
  };
}

/** An upstream's retry policy; `attempts` is 1 without one. */
export type RetrySettings = ReturnType<typeof anySettings>["retry"];

/** What a function source keeps open, from the first call or the start to the end. */
export type OpenedSettings = Pick<
  v.InferOutput<typeof openedUpstreamSchema>,
  "open" | "openAt" | "source" | "close"
>;

/** A module whose default export runs in threads; `concurrency.max` says in how many. */
export interface WorkerSettings {
  readonly worker: URL;
  /** Largest heap of one thread (bytes). */
  readonly heapBytes: number;
}

/** An HTTP API. */
export interface HttpUpstreamSettings {
  readonly base: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly transport: "socket" | "fetch";
}

/**
 * An upstream: an HTTP API (`base`), a function (`source`) that may keep something `open`, or a
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
  );
