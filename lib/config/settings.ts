import type { CacheSettings } from "../cache/judge.ts";
import type { AddressTrust } from "../client_address.ts";
import type { EachItem } from "../gather_plan.ts";
import type { Limit } from "../limiter/limit.ts";
import type { PagesOptions } from "../pages.ts";
import type { Selection } from "../pick.ts";
import type { MapFunction } from "../map_function.ts";
import type { Source } from "../source.ts";
import type { Template } from "../template.ts";
import type { OpenedUpstream, PartMethod, RouteMethod } from "./define.ts";

/** A config that was read: complete, in milliseconds and bytes, every name resolved. */
export interface Settings {
  /** Undefined: Deno KV's own default. */
  readonly store: string | undefined;
  readonly maxRequestBody: number;
  /** What all answers that are kept may take (bytes). */
  readonly cacheMemory: number;
  /** Undefined: no page of another origin may read an answer. */
  readonly cors: CorsSettings | undefined;
  /** Undefined: clients are counted by address. */
  readonly clients: ClientSettings | undefined;
  readonly trust: AddressTrust;
  readonly upstreams: readonly UpstreamSettings[];
  /** All that the config names, whether a route has them or not. */
  readonly limits: readonly LimitSettings[];
  readonly routes: readonly RouteSettings[];
}

/** Which pages of other origins may read the answers. */
export interface CorsSettings {
  readonly origins: readonly string[];
  readonly credentials: boolean;
}

/** Who may be known, and how a client shows who it is. */
export interface ClientSettings {
  readonly key: "bearer" | { readonly header: string };
  /** Undefined: records in the store say it. */
  readonly known: readonly KnownKey[] | undefined;
  readonly required: boolean;
}

/** A client's key, and who it is. */
export interface KnownKey {
  readonly name: string;
  readonly tier: string | undefined;
  readonly key: string;
}

/** By what a limit counts. */
export type KeySourceSettings = "client" | "ip" | "all" | { readonly header: string };

/** A named rate policy, with what it allows each class of clients. */
export interface LimitSettings {
  readonly name: string;
  readonly by: readonly KeySourceSettings[];
  readonly allowance: Limit;
  /** By tier. */
  readonly tiers: ReadonlyMap<string, Limit>;
  readonly perRoute: boolean;
  readonly refund: ReadonlySet<"hit" | "fault">;
}

interface AnyUpstreamSettings {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxBody: number;
  /** Undefined: nothing is kept. */
  readonly cache: CacheSettings | undefined;
  readonly retry: RetrySettings;
  /** Whether clients are not told what it says about its refusals. */
  readonly hidesErrors: boolean;
  /** How many calls it has at once, and how many wait; `max` is Infinity when it has all that come. */
  readonly concurrency: { readonly max: number; readonly queue: number };
}

/** How an upstream is asked again. */
export interface RetrySettings {
  /** How often a call is made at most; 1 for never again. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Which calls are made again. */
  readonly methods: ReadonlySet<string>;
  readonly budget: { readonly share: number; readonly minPerSecond: number };
}

/** What a function source keeps open, from the first call or the start to the end. */
export interface OpenedSettings {
  readonly open: OpenedUpstream<unknown>["open"];
  readonly openAt: "use" | "start";
  readonly source: OpenedUpstream<unknown>["source"];
  /** Undefined: it is disposed of, if it can be. */
  readonly close: OpenedUpstream<unknown>["close"];
}

/** A module whose default export runs in threads; `concurrency.max` says in how many. */
export interface WorkerSettings {
  /** The module. */
  readonly worker: URL;
  /** How large the heap of each thread may grow (bytes). */
  readonly heapBytes: number;
}

/**
 * An upstream: an HTTP API (`base`), a function (`source`) that may keep something `open`, or a
 * module that runs in threads (`worker`).
 */
export type UpstreamSettings =
  & AnyUpstreamSettings
  & (
    | { readonly base: URL; readonly headers: Readonly<Record<string, string>> }
    | { readonly source: Source }
    | OpenedSettings
    | WorkerSettings
  );

/** A route: where it stands, and what is there. */
export type RouteSettings = GatherSettings | ForwardSettings | BatchSettings;

interface AnyRouteSettings {
  /** As the config writes it: `GET /users/:id`. */
  readonly key: string;
  readonly method: RouteMethod;
  readonly path: string;
  readonly deadlineMs: number;
  readonly limits: readonly LimitSettings[];
  /** How many tokens a request takes from each limit. */
  readonly cost: number;
}

/** A route that asks several parts. */
export interface GatherSettings extends AnyRouteSettings {
  readonly parts: readonly PartSettings[];
  /** The parts as the config writes them, with their functions: tells apart what two configs answer. */
  readonly written: string;
  /** How many parts must succeed, whichever they are; undefined: all that are required. */
  readonly quorum: number | undefined;
  /** Undefined: whole answers are not kept. */
  readonly cache: CacheSettings | undefined;
  /** Whether the answer is that of the one part which succeeded first. */
  readonly isFirst: boolean;
  /** Whether some part refers to the client's body. */
  readonly readsBody: boolean;
}

/** A route that passes requests on. */
export interface ForwardSettings extends AnyRouteSettings {
  readonly to: UpstreamSettings;
  /** Undefined: nothing is kept. */
  readonly cache: CacheSettings | undefined;
  /** What is taken off the front of the path; empty for nothing. */
  readonly strip: string;
}

/** A route that answers several requests at once. */
export interface BatchSettings extends AnyRouteSettings {
  /** How many requests a batch may hold, and how many of them are answered at once. */
  readonly max: number;
  readonly concurrency: number;
  /** The largest answer of one request, and of all together (bytes). */
  readonly maxBody: number;
  readonly maxTotal: number;
}

/** How the pages of a list are walked. */
export interface PagesSettings extends PagesOptions {
  readonly max: number;
  readonly maxItems: number;
}

/** A member of an aggregate. */
export interface PartSettings {
  readonly name: string;
  readonly upstream: UpstreamSettings;
  readonly method: PartMethod;
  readonly path: Template<string>;
  readonly params: Readonly<Record<string, Template<string[]>>>;
  readonly headers: Readonly<Record<string, Template<string[]>>>;
  readonly body: Template<unknown> | undefined;
  readonly timeoutMs: number;
  /** Undefined: nothing is kept. */
  readonly cache: CacheSettings | undefined;
  /** The parts whose answers it is made of. */
  readonly needs: readonly string[];
  /** Undefined: it asks once. */
  readonly each: EachItem | undefined;
  /** Undefined: its answer is the whole. */
  readonly pages: PagesSettings | undefined;
  readonly as: "json" | "text";
  /** The keys that lead to what is taken; undefined for all. */
  readonly select: readonly string[] | undefined;
  /** Undefined: every member is kept. */
  readonly pick: Selection | undefined;
  readonly map: MapFunction | undefined;
  readonly optional: boolean;
  /** Undefined: null stands in. */
  readonly otherwise: unknown;
}
