import * as v from "valibot";
import type { AddressTrust } from "../http/client_address.ts";
import { type AuthConfig, authSchema, type AuthSettings } from "./auth.ts";
import { type ClientSettings, clientsSchema } from "./client.ts";
import { corsSchema, type CorsSettings } from "./cors.ts";
import { forwardsSchema } from "./forwards.ts";
import { factsOf, later, value, withFacts } from "./facts.ts";
import { type LimitConfig, limitSchema, type LimitSettings } from "./limit.ts";
import { list, object, record } from "./object.ts";
import { openApiSchema } from "./openapi.ts";
import { overloadSchema } from "./overload.ts";
import {
  type BatchRoute,
  type FirstRoute,
  type ForwardRoute,
  type GatherRoute,
  type RouteKey,
  routeSchema,
  type RouteSettings,
} from "./route.ts";
import { type Certificate, tlsSchema } from "./tls.ts";
import { type Upstream, upstreamSchema, type UpstreamSettings } from "./upstream.ts";
import {
  addressRange,
  duration,
  flag,
  headerName,
  ipv6Prefix,
  nonEmptyText,
  size,
  text,
} from "./values.ts";

/** Any text: the parser reports invalid names. */
const name = value("name", { pattern: "^[A-Za-z_][\\w-]*$" }, text);
const routeKey = value(
  "route",
  { pattern: "^(GET|POST|PUT|PATCH|DELETE|OPTIONS|ANY) /(?!_gateway(/|$))\\S*$" },
  text,
);

/** The schema of the gateway's configuration; upstreams, limits and routes are parsed one by one. */
export const gatewaySchema = object({
  /** Where limits, the cache and blocks are stored: a file, `":memory:"`, or the URL of a KV Connect server. Default: Deno KV's default. */
  store: v.optional(nonEmptyText),
  /** The certificate with which the gateway listens: HTTPS, with HTTP/1.1 and HTTP/2. Default: plain HTTP. */
  tls: v.optional(tlsSchema),
  /** The APIs behind the gateway, by name. */
  upstreams: record(
    name,
    later(upstreamSchema(() => "")),
    "must be an object of upstreams by name",
  ),
  /** Clients that identify themselves by a key. Default: clients are identified by address. */
  clients: v.optional(clientsSchema),
  /** Ways to authenticate, by name; routes name those that they accept. Default: none. */
  auth: v.optional(
    record(name, later(authSchema(() => "")), "must be an object of ways to authenticate by name"),
    {},
  ),
  /** Rate limits, by name. Default: none. */
  limits: v.optional(
    record(name, later(limitSchema), "must be an object of limits by name"),
    {},
  ),
  /** Addresses of proxies that are trusted to report the client's address: `["10.0.0.0/8"]`. Default: none. */
  trustedProxies: v.optional(list(addressRange, "must be a list of addresses and ranges"), []),
  /** The header in which trusted proxies report the client's address. */
  forwardedHeader: v.optional(
    withFacts(v.pipe(headerName, v.toLowerCase()), factsOf(headerName)),
    "x-forwarded-for",
  ),
  /** Prefix length by which limits group IPv6 addresses into clients, from 32 to 128 bits. */
  ipv6Prefix: v.optional(ipv6Prefix, 64),
  /** Cross-origin access for web pages. Default: none. */
  cors: v.optional(corsSchema),
  /**
   * Whether responses of routes get `Strict-Transport-Security`, `X-Content-Type-Options`,
   * `X-Frame-Options` and `Referrer-Policy`, unless they have their own, and lose `Server` and
   * `X-Powered-By`.
   */
  secureHeaders: v.optional(flag, false),
  /** What every forward does to headers, before its own rules. Default: nothing. */
  forwards: v.optional(forwardsSchema),
  /** Maximum size of a request body. */
  maxRequestBody: v.optional(size, "1MiB"),
  /** Addresses of clients that may send requests to routes: `["10.0.0.0/8"]`. Default: all. */
  allow: v.optional(list(addressRange, "must be a list of addresses and ranges", 1)),
  /** Addresses of clients that may not, also where `allow` names them. Default: none. */
  deny: v.optional(list(addressRange, "must be a list of addresses and ranges"), []),
  /** Maximum memory for cached responses, per process. */
  cacheMemory: v.optional(size, "64MiB"),
  /**
   * Whether to compress responses for clients that accept it. Forwards compress only what they cache,
   * unless their route says otherwise.
   */
  compress: v.optional(flag, true),
  /** Load shedding: when the gateway rejects requests to protect itself. */
  overload: v.optional(overloadSchema),
  /** The OpenAPI document that describes the routes. */
  openapi: v.optional(openApiSchema, {}),
  /** Time without progress after which a response that the client does not read is aborted. */
  sendTimeout: v.optional(duration, "60s"),
  /** Maximum size of cached responses in the `store`, for all processes together. */
  cacheDisk: v.optional(size, "1GiB"),
  /** The routes, by method and path. */
  routes: record(routeKey, later(routeSchema), "must be an object of routes by method and path"),
  /** Path of `gateway.schema.json`, for editors of a JSON config; the gateway ignores it. Default: none. */
  $schema: v.optional(text),
});

/** @internal */
export type GatewayKeys = Omit<
  v.InferInput<typeof gatewaySchema>,
  "upstreams" | "auth" | "limits" | "routes"
>;

/** The gateway's configuration. */
export interface GatewayConfig<
  Name extends string = string,
  LimitName extends string = string,
  AuthName extends string = string,
> extends GatewayKeys {
  /** The APIs behind the gateway, by name. */
  readonly upstreams: Readonly<Record<Name, Upstream>>;
  /** Ways to authenticate, by name; routes name those that they accept. Default: none. */
  readonly auth?: Readonly<Record<AuthName, AuthConfig>>;
  /** Rate limits, by name. Default: none. */
  readonly limits?: Readonly<Record<LimitName, LimitConfig>>;
  /** The routes, by method and path. The most specific route wins, whatever their order. */
  readonly routes: Readonly<
    Record<
      RouteKey,
      | GatherRoute<NoInfer<Name>, NoInfer<LimitName>, NoInfer<AuthName>>
      | FirstRoute<NoInfer<Name>, NoInfer<LimitName>, NoInfer<AuthName>>
      | ForwardRoute<NoInfer<Name>, NoInfer<LimitName>, NoInfer<AuthName>>
      | BatchRoute<NoInfer<LimitName>, NoInfer<AuthName>>
    >
  >;
}

/**
 * Types a config, so that an unknown upstream, an invalid duration or a misspelled key is an error in
 * the editor. Returns its argument; the gateway parses and validates it at start.
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
export function defineGateway<
  Name extends string,
  LimitName extends string = never,
  AuthName extends string = never,
>(
  config: GatewayConfig<Name, LimitName, AuthName>,
): GatewayConfig<Name, LimitName, AuthName> {
  return config;
}

/** A parsed config: defaults filled in, in milliseconds and bytes, names resolved. */
export interface Settings extends
  Pick<
    v.InferOutput<typeof gatewaySchema>,
    | "store"
    | "secureHeaders"
    | "openapi"
    | "overload"
    | "maxRequestBody"
    | "cacheMemory"
    | "cacheDisk"
  > {
  /** Cross-origin access where no route matches; undefined: none. */
  readonly cors: CorsSettings | undefined;
  /** The certificate with which the gateway listens; undefined: plain HTTP. */
  readonly tls: Certificate | undefined;
  /** Undefined: clients are identified by address. */
  readonly clients: ClientSettings | undefined;
  readonly trust: AddressTrust;
  /** Every way to authenticate, whether a route names it or not. */
  readonly auth: readonly AuthSettings[];
  /** Time without progress after which a response is aborted (ms). */
  readonly sendTimeoutMs: number;
  /** Prefix length by which limits group IPv6 addresses (bits). */
  readonly ipv6Prefix: number;
  readonly upstreams: readonly UpstreamSettings[];
  /** Every limit of the config, used by a route or not. */
  readonly limits: readonly LimitSettings[];
  readonly routes: readonly RouteSettings[];
}
