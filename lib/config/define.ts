import type { Source } from "../source.ts";
import type { Json } from "../template.ts";

/** A length of time: `"250ms"`, `"2s"`, `"5m"`, `"1h"`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h"}`;

/** An amount of bytes: `"512B"`, `"64KiB"`, `"4MiB"`, `"1GiB"`. */
export type Size = `${number}${"B" | "KiB" | "MiB" | "GiB"}`;

/** A text, or the environment variable that holds it: `{ env: "USERS_TOKEN" }`. */
export type Text = string | { readonly env: string };

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
}

/** An HTTP API. */
export interface HttpUpstream extends AnyUpstream {
  /** Where it is; a base path in it stands before every path asked. */
  readonly url: Text;
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, Text>>;
}

/** Any async function (TypeScript configs only). */
export interface FunctionUpstream extends AnyUpstream {
  /** Asked in the place of an HTTP API. What it throws is that part's problem. */
  readonly source: Source;
}

/** A configured API. */
export type Upstream = HttpUpstream | FunctionUpstream;

/** A named member of an aggregate. */
export interface Part<Name extends string = string> {
  /** The upstream to ask. */
  readonly from: Name;
  /** A path template. Default `"/"`. */
  readonly path?: `/${string}`;
  /** Default `"GET"`. */
  readonly method?: PartMethod;
  /** Query parameters, added to those of the path. */
  readonly params?: Readonly<Record<string, Json>>;
  /** Headers to send: `{ authorization: "{header.authorization}" }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A JSON template, sent as the body. */
  readonly body?: Json;
  /** Replaces the upstream's timeout. */
  readonly timeout?: Duration;
  /** `"text"` takes any text and gives it on as a JSON string. */
  readonly as?: "text";
  /** Whether the answer is worth having without it. Default false. */
  readonly optional?: boolean;
  /** Stands in when the part fails, which is then optional. */
  readonly otherwise?: Json;
}

/** A route that asks several parts at once, and answers with one JSON document. */
export interface GatherRoute<Name extends string = string> {
  /** What the whole request may take, from its arrival. Default `"10s"`. */
  readonly deadline?: Duration;
  /** The parts, by the names that they have in the answer. */
  readonly gather: Readonly<Record<string, Part<Name>>>;
}

/** A route that passes requests on to one upstream as they are. */
export interface ForwardRoute<Name extends string = string> {
  /** What may pass until the answer begins; its body may take longer. Default `"10s"`. */
  readonly deadline?: Duration;
  /** The upstream; `strip` is taken off the front of the path. */
  readonly forward: Name | { readonly to: Name; readonly strip?: `/${string}` };
}

/** Which pages of other origins may read the answers. */
export interface Cors {
  /** Origins such as `https://app.example`, or `"*"` for all. */
  readonly origins: readonly string[];
  /** Whether they may send cookies and Authorization; not with `"*"`. Default false. */
  readonly credentials?: boolean;
}

/** All that a gateway is told. */
export interface GatewayConfig<Name extends string = string> {
  /** A file, `":memory:"` or a KV Connect URL. Unset: Deno KV's own default. */
  readonly store?: string;
  /** The APIs behind the gateway, by name. */
  readonly upstreams: Readonly<Record<Name, Upstream>>;
  /** Unset: no page of another origin may read an answer. */
  readonly cors?: Cors;
  /** The largest body that a client may send. Default `"1MiB"`. */
  readonly maxRequestBody?: Size;
  /** What clients can ask. The most specific route answers, whatever its place. */
  readonly routes: Readonly<
    Record<RouteKey, GatherRoute<NoInfer<Name>> | ForwardRoute<NoInfer<Name>>>
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
export function defineGateway<Name extends string>(
  config: GatewayConfig<Name>,
): GatewayConfig<Name> {
  return config;
}
