import { getPath } from "hono/utils/url";
import { Hono } from "hono";
import { writeResponse } from "../../lib/batch/batch_response.ts";
import type { Settings } from "../../lib/config/gateway.ts";
import type { RouteSettings } from "../../lib/config/route.ts";
import { type Bytes, joinBytes } from "../../lib/core/bytes.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { platformSignal, Scope } from "../../lib/core/scope.ts";
import { Rehearsal } from "../../lib/rehearsal/rehearsal.ts";
import {
  callersOf,
  faultsOf,
  refuseUnsafe,
  rehearsalSchema,
  requestOf,
} from "../../lib/rehearsal/rehearsal_request.ts";
import type { Bindings } from "../../middleware/bindings.ts";
import type { GatewayDependencies } from "../dependencies.ts";
import { NO_STORE } from "./no_store.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { readBody } from "./read_body.ts";
import {
  rehearsalDependencies,
  rehearsalSettings,
  type RehearsedGateway,
} from "./rehearsal_gateway.ts";
import { RouteFinder } from "./route_finder.ts";

/** What rehearsals need. */
export interface RehearseOptions extends RehearsedGateway {
  /** Builds the gateway of one rehearsal. */
  readonly build: (settings: Settings, deps: GatewayDependencies) => {
    readonly fetch: (request: Request, bindings: Bindings) => Promise<Response>;
  };
}

/** Rehearsals at once. */
const MOST_AT_ONCE = 4;
/** The largest request body, and how much of a response is shown (bytes). */
const MOST_SENT = 256 * 1024;
const MOST_SHOWN = 1024 * 1024;
/** The longest that one takes, whatever the route's deadline (ms). */
const LONGEST_MS = 60_000;

const ENCODER = new TextEncoder();

/**
 * Runs a request through a route with faults injected into its upstream calls, and shows what the
 * client would get. Each rehearsal has a gateway of its own with fresh state, so nothing of it reaches
 * the circuit breakers, budgets, caches, limits and logs of real requests.
 */
export function rehearseAdmin(options: RehearseOptions): Hono<OperatorEnv> {
  const { settings, deps: { clock, shutdown } } = options;
  const finder = new RouteFinder(settings.routes);
  const timers = shutdown.timers(LONGEST_MS, 0);
  let running = 0;
  return new Hono<OperatorEnv>().post("/", async (c) => {
    const asked = await readBody(c, rehearsalSchema, { maxBytes: MOST_SENT });
    const route = finder.find(asked.route);
    if ("max" in route) {
      throw new GatewayError("bad-request", "a batch is rehearsed request by request");
    }
    const faults = faultsOf(asked, route);
    const { url, ...init } = requestOf(asked, route, new URL(c.req.url).origin);
    refuseUnsafe(asked, route, init.method);
    if (running >= MOST_AT_ONCE) {
      throw new GatewayError("overloaded", `${MOST_AT_ONCE} rehearsals are running`, {
        headers: { "retry-after": "1" },
      });
    }
    const { remoteAddress, scheme } = c.env.env;
    using scope = new Scope(c.req.raw.signal);
    const timer = timers.set(() => scope.cancel(new GatewayError("deadline-exceeded", "ended")));
    running++;
    try {
      const request = new Request(url, { ...init, signal: platformSignal(scope) });
      checkRoute(request, route, finder);
      const rehearsal = new Rehearsal(faults, clock);
      const startedAt = clock.monotonic();
      const response = await rehearse(
        request,
        { remoteAddress, scheme },
        rehearsal,
        options,
        route,
      );
      const durationMs = Math.round((clock.monotonic() - startedAt) * 10) / 10;
      return c.body(write(route, durationMs, response, rehearsal), 200, {
        ...NO_STORE,
        "content-type": "application/json",
      });
    } finally {
      timers.stop(timer);
      running--;
    }
  });
}

/** A path may belong to a more specific route: then it is not this one that its clients get. */
function checkRoute(request: Request, route: RouteSettings, finder: RouteFinder): void {
  const { method } = request;
  const path = getPath(request);
  const served = finder.match(method, path);
  if (served === route) return;
  const other = served ? `to ${served.key}` : "to no route";
  throw new GatewayError("bad-request", `${method} ${path} goes ${other}, not to ${route.key}`);
}

/** Sends the request through a gateway of its own. */
async function rehearse(
  request: Request,
  { remoteAddress, scheme }: Pick<Bindings, "remoteAddress" | "scheme">,
  rehearsal: Rehearsal,
  options: RehearseOptions,
  route: RouteSettings,
): Promise<Shown> {
  const { promise: completed, resolve } = Promise.withResolvers<void>();
  await using closing = new AsyncDisposableStack();
  closing.defer(resolve);
  const gateway = options.build(
    rehearsalSettings(options.settings, route, request.headers),
    rehearsalDependencies(options, route, rehearsal, closing),
  );
  return await read(await gateway.fetch(request, { remoteAddress, scheme, completed }));
}

/** A response as it is shown. */
interface Shown {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Bytes;
  readonly isCut: boolean;
}

/** Reads a response, of a long one only the beginning. */
async function read({ status, headers, body }: Response): Promise<Shown> {
  const chunks: Bytes[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MOST_SHOWN) break; // which cancels the rest
  }
  return {
    status,
    headers,
    body: joinBytes(chunks).subarray(0, MOST_SHOWN),
    isCut: bytes > MOST_SHOWN,
  };
}

function write(
  route: RouteSettings,
  durationMs: number,
  { isCut, ...response }: Shown,
  rehearsal: Rehearsal,
): Bytes {
  const reports = callersOf(route).map((caller) => rehearsal.report(caller));
  const calls = "to" in route ? { forward: reports[0] } : { parts: reports };
  const head = JSON.stringify({ route: route.key, durationMs, ...calls });
  const cut = isCut ? ',"bodyIsCut":true' : "";
  return joinBytes([
    ENCODER.encode(`${head.slice(0, -1)}${cut},"response":`),
    writeResponse(response),
    ENCODER.encode("}"),
  ]);
}
