import type { AddressTrust } from "../client_address.ts";
import type { Limit } from "../limiter/limit.ts";
import type { Source } from "../source.ts";
import type { Template } from "../template.ts";
import type { PartMethod, RouteMethod } from "./define.ts";

/** A config that was read: complete, in milliseconds and bytes, every name resolved. */
export interface Settings {
  /** Undefined: Deno KV's own default. */
  readonly store: string | undefined;
  readonly maxRequestBody: number;
  /** Undefined: no page of another origin may read an answer. */
  readonly cors: CorsSettings | undefined;
  /** Undefined: clients are counted by address. */
  readonly clients: ClientSettings | undefined;
  readonly trust: AddressTrust;
  readonly upstreams: readonly UpstreamSettings[];
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

/** An upstream, either an HTTP API (`base`) or a function (`source`). */
export type UpstreamSettings =
  & { readonly name: string; readonly timeoutMs: number; readonly maxBody: number }
  & (
    | { readonly base: URL; readonly headers: Readonly<Record<string, string>> }
    | { readonly source: Source }
  );

/** A route: where it stands, and what is there. */
export type RouteSettings = GatherSettings | ForwardSettings;

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
  /** Whether some part refers to the client's body. */
  readonly readsBody: boolean;
}

/** A route that passes requests on. */
export interface ForwardSettings extends AnyRouteSettings {
  readonly to: UpstreamSettings;
  /** What is taken off the front of the path; empty for nothing. */
  readonly strip: string;
}

/** A member of an aggregate. */
export interface PartSettings {
  readonly name: string;
  readonly upstream: UpstreamSettings;
  readonly method: PartMethod;
  readonly path: Template<string>;
  readonly params: Readonly<Record<string, Template<unknown>>>;
  readonly headers: Readonly<Record<string, Template<unknown>>>;
  readonly body: Template<unknown> | undefined;
  readonly timeoutMs: number;
  readonly as: "json" | "text";
  readonly optional: boolean;
  /** Undefined: null stands in. */
  readonly otherwise: unknown;
}
