import { OWN_ROUTES } from "../../routes/own_routes.ts";

/** A request of the operator's, as the route that it goes to expects it. */
export interface OperatorRequest {
  /** The route's method and path, as the table of routes has them. */
  readonly route: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** JSON; undefined for none. */
  readonly body: string | undefined;
  /** Whether the route accepts it, after those before it. */
  readonly isComplete: boolean;
}

/** The gateway's own routes that everyone may call. All others are the operator's. */
const PUBLIC: readonly string[] = [
  "GET /_gateway/health/live",
  "GET /_gateway/health/ready",
  "GET /_gateway/problems/:kind",
  "GET /_gateway/dashboard/login",
  "POST /_gateway/dashboard/login",
  "POST /_gateway/dashboard/logout",
  "GET /_gateway/dashboard/assets/:file",
];

/** What to send where method and path do not suffice, in an order in which each succeeds. */
const REQUESTS: Readonly<Record<string, readonly [target: string, body?: string]>> = {
  "GET /_gateway/cache": ["/_gateway/cache"],
  "DELETE /_gateway/cache": ["/_gateway/cache?all"],
  "GET /_gateway/buckets": ["/_gateway/buckets"],
  "DELETE /_gateway/buckets": ["/_gateway/buckets?client=a"],
  "GET /_gateway/buckets/ban": ["/_gateway/buckets/ban"],
  "PUT /_gateway/buckets/ban": ["/_gateway/buckets/ban?client=a&for=10m"],
  "DELETE /_gateway/buckets/ban": ["/_gateway/buckets/ban?client=a"],
  "GET /_gateway/clients": ["/_gateway/clients"],
  "POST /_gateway/clients": ["/_gateway/clients", '{"name": "a"}'],
  "GET /_gateway/clients/:name": ["/_gateway/clients/a"],
  "POST /_gateway/clients/:name/keys": ["/_gateway/clients/a/keys"],
  "PATCH /_gateway/clients/:name": ["/_gateway/clients/a", '{"tier": null}'],
  "DELETE /_gateway/clients/:name/keys": ["/_gateway/clients/a/keys"],
  "DELETE /_gateway/clients/:name": ["/_gateway/clients/a"],
  "GET /_gateway/upstreams": ["/_gateway/upstreams"],
  "GET /_gateway/config": ["/_gateway/config"],
  "GET /_gateway/metrics": ["/_gateway/metrics"],
  "GET /_gateway/explain": ["/_gateway/explain"],
  "GET /_gateway/": ["/_gateway/"],
  "GET /_gateway/dashboard/upstreams": ["/_gateway/dashboard/upstreams"],
  "GET /_gateway/dashboard/routes": ["/_gateway/dashboard/routes"],
  "GET /_gateway/dashboard/requests": ["/_gateway/dashboard/requests"],
  "GET /_gateway/dashboard/clients": ["/_gateway/dashboard/clients"],
  "GET /_gateway/dashboard/cache": ["/_gateway/dashboard/cache"],
  "GET /_gateway/openapi.json": ["/_gateway/openapi.json"],
  "POST /_gateway/rehearse": [
    "/_gateway/rehearse",
    '{"route": "ANY /*", "request": {"path": "/x"}}',
  ],
};

/**
 * A request to each of the operator's routes. They come from the gateway's own table, so that a new
 * route is tested without being named here; it is named where it needs a query or a body to succeed.
 */
export function operatorRequests(): OperatorRequest[] {
  const order = Object.keys(REQUESTS);
  return OWN_ROUTES.map(({ method, path }) => ({ method, path, route: `${method} ${path}` }))
    .filter(({ route }) => !PUBLIC.includes(route))
    .map(({ method, path, route }) => {
      const [target = path.replaceAll(/:\w+/g, "a"), body] = REQUESTS[route] ?? [];
      return { route, method, target, body, isComplete: route in REQUESTS };
    })
    .sort((a, b) => order.indexOf(a.route) - order.indexOf(b.route));
}
