import * as v from "valibot";
import type { AddressTrust } from "../http/client_address.ts";
import { type ClientSettings, clientsSchema } from "./client.ts";
import { factsOf, later, value, withFacts } from "./facts.ts";
import { type LimitConfig, limitSchema, type LimitSettings } from "./limit.ts";
import { list, object, record } from "./object.ts";
import {
  type BatchRoute,
  type FirstRoute,
  type ForwardRoute,
  type GatherRoute,
  type RouteKey,
  routeSchema,
  type RouteSettings,
} from "./route.ts";
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

const origin = value(
  '"https://HOST" or "*"',
  { type: "string", pattern: "^(\\*|[a-z][a-z0-9+.-]*://[^/?#\\s]+|null)$" },
  v.pipe(
    text,
    v.check(
      (origin) => origin === "*" || URL.parse(origin)?.origin === origin,
      'must be an origin such as https://app.example, or "*"',
    ),
  ),
);

const corsSchema = object({
  /** Origins such as `https://app.example`, or `"*"` for every origin. */
  origins: list(origin, "must be a list of origins"),
  /** Whether they may send cookies and Authorization; not with `"*"`. */
  credentials: v.optional(flag, false),
}, {
  not: {
    required: ["credentials"],
    properties: { credentials: { const: true }, origins: { contains: { const: "*" } } },
  },
});

/** The parser reports wrong names. */
const name = value("name", { pattern: "^[A-Za-z_][\\w-]*$" }, text);
const routeKey = value(
  "route",
  { pattern: "^(GET|POST|PUT|PATCH|DELETE|ANY) /(?!_gateway(/|$))\\S*$" },
  text,
);

/** The gateway's configuration; its upstreams, limits and routes are read one by one. */
export const gatewaySchema = object({
  /** A file (missing folders are created), `":memory:"`, or the URL of a KV Connect server. Default: Deno KV's own. */
  store: v.optional(nonEmptyText),
  /** The APIs behind the gateway, by name. */
  upstreams: record(
    name,
    later(upstreamSchema(() => "")),
    "must be an object of upstreams by name",
  ),
  /** Clients that are known by a key. Default: clients are counted by address. */
  clients: v.optional(clientsSchema),
  /** Rate limits, by name. Default: none. */
  limits: v.optional(
    record(name, later(limitSchema), "must be an object of limits by name"),
    {},
  ),
  /** Proxies that are trusted to state a client's address: `["10.0.0.0/8"]`. Default: none. */
  trustedProxies: v.optional(list(addressRange, "must be a list of addresses and ranges"), []),
  /** The header in which they state it. */
  forwardedHeader: v.optional(
    withFacts(v.pipe(headerName, v.toLowerCase()), factsOf(headerName)),
    "x-forwarded-for",
  ),
  /** Leading bits of an IPv6 address that limits count as one client, from 32 to 128. */
  ipv6Prefix: v.optional(ipv6Prefix, 64),
  /** Origins whose pages may read responses. Default: none. */
  cors: v.optional(corsSchema),
  /** Largest request body that a client may send. */
  maxRequestBody: v.optional(size, "1MiB"),
  /** Memory that stored responses may take in a process. */
  cacheMemory: v.optional(size, "64MiB"),
  /** When the gateway refuses requests to protect itself. */
  overload: v.optional(object({
    /**
     * Memory that all buffered bodies may take together; beyond it requests get 503. Default: half of
     * the heap's limit, at most 1 GiB.
     */
    maxBuffered: v.optional(size),
  })),
  /** How long a client may read nothing of a response before it is ended. */
  sendTimeout: v.optional(duration, "60s"),
  /** Room that stored responses may take in the `store`, all processes together. */
  cacheDisk: v.optional(size, "1GiB"),
  /** The routes, by method and path. */
  routes: record(routeKey, later(routeSchema), "must be an object of routes by method and path"),
  /** Where a JSON config's editor finds `gateway.schema.json`; ignored. Default: none. */
  $schema: v.optional(text),
});

/** @internal */
export type GatewayKeys = Omit<
  v.InferInput<typeof gatewaySchema>,
  "upstreams" | "limits" | "routes"
>;

/** The gateway's configuration. */
export interface GatewayConfig<Name extends string = string, LimitName extends string = string>
  extends GatewayKeys {
  /** The APIs behind the gateway, by name. */
  readonly upstreams: Readonly<Record<Name, Upstream>>;
  /** Rate limits, by name. Default: none. */
  readonly limits?: Readonly<Record<LimitName, LimitConfig>>;
  /** The routes, by method and path. The most specific route wins, whatever its place. */
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
 * error in the editor. It returns its argument; parsing and checking come later.
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

/** Which pages of other origins may read responses. */
export type CorsConfig = v.InferInput<typeof corsSchema>;

/** Which pages of other origins may read responses; complete. */
export type CorsSettings = v.InferOutput<typeof corsSchema>;

/** A config that was read: complete, in milliseconds and bytes, every name resolved. */
export interface Settings extends
  Pick<
    v.InferOutput<typeof gatewaySchema>,
    "store" | "cors" | "maxRequestBody" | "cacheMemory" | "cacheDisk"
  > {
  /** Undefined: clients are counted by address. */
  readonly clients: ClientSettings | undefined;
  readonly trust: AddressTrust;
  /** What all buffered bodies may take (bytes); undefined: a share of the heap's limit. */
  readonly maxBuffered: number | undefined;
  /** How long a client may read nothing of a response. */
  readonly sendTimeoutMs: number;
  /** Leading bits of an IPv6 address that limits count as one client. */
  readonly ipv6Prefix: number;
  readonly upstreams: readonly UpstreamSettings[];
  /** All that the config names, whether a route has them or not. */
  readonly limits: readonly LimitSettings[];
  readonly routes: readonly RouteSettings[];
}
