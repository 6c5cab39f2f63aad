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
  readonly upstreams: readonly UpstreamSettings[];
  readonly routes: readonly RouteSettings[];
}

/** Which pages of other origins may read the answers. */
export interface CorsSettings {
  readonly origins: readonly string[];
  readonly credentials: boolean;
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
