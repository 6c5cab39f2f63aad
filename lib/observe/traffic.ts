import type { CallRecord } from "../core/trace.ts";
import type { EndedPart, EndedRequest } from "./ended_request.ts";
import type { Observer } from "./observer.ts";
import { type Figures, RecentFigures } from "./recent_figures.ts";
import { kindOf, RecentRequests } from "./recent_requests.ts";
import { type Second, Seconds } from "./seconds.ts";

/** The figures of a route and its parts. */
export interface RouteTraffic {
  readonly route: string;
  readonly whole: Figures;
  /** Without parts that have not been called lately. */
  readonly parts: ReadonlyMap<string, Figures>;
}

interface RouteFigures {
  readonly whole: RecentFigures;
  readonly parts: Map<string, RecentFigures>;
}

/** Names come from configs; more than this many routes, or parts of one, are not told apart. */
const MAX_NAMES = 20_000;

/**
 * What happened lately, for the dashboard: rates and latencies second by second, by route, part and
 * upstream, and the recent requests. It starts no timer, and computes nothing before someone looks.
 */
export class Traffic implements Observer {
  /** The recent requests. */
  readonly recent = new RecentRequests();
  readonly #seconds = new Seconds();
  readonly #all = new RecentFigures();
  readonly #routes = new Map<string, RouteFigures>();
  readonly #upstreams = new Map<string, RecentFigures>();

  /** Counts a request; those to the gateway's own routes do not count. */
  readonly requestEnded = (request: EndedRequest): void => {
    if (request.isOwn) return;
    const { route, arrivedAt, durationMs, status, parts } = request;
    const now = arrivedAt + durationMs;
    const isFailed = kindOf(request) === "failed";
    this.#seconds.add(now, durationMs, isFailed, status === 429);
    this.#all.add(now, durationMs, isFailed);
    this.recent.add(request, isFailed);
    const figures = route === undefined ? undefined : known(this.#routes, route, routeFigures);
    figures?.whole.add(now, durationMs, isFailed);
    for (const part of figures ? parts : []) {
      if (part.problem === "cancelled" || part.startedAt === undefined) continue;
      known(figures?.parts, part.part, recentFigures)?.add(
        now,
        part.durationMs,
        isPartFailed(part),
      );
    }
  };

  /** Counts an attempt. */
  readonly callEnded = (call: CallRecord): void => {
    const { upstream, startedAt, durationMs = 0, problem, status = 0 } = call;
    if (problem === "cancelled") return;
    const isFailed = problem !== undefined || status >= 500;
    known(this.#upstreams, upstream, recentFigures)
      ?.add(startedAt + durationMs, durationMs, isFailed);
  };

  /** All requests of the last half minute to minute. @param now monotonic (ms) */
  all(now: number): Figures {
    return this.#all.at(now);
  }

  /** The last five minutes, second by second. */
  seconds(now: number): Second[] {
    return this.#seconds.last(now);
  }

  /** The routes that had requests lately, the busiest first. */
  routes(now: number): RouteTraffic[] {
    return [...this.#routes].map(([route, { whole, parts }]) => ({
      route,
      whole: whole.at(now),
      parts: new Map([...parts].map(([part, figures]) => [part, figures.at(now)])),
    })).filter(({ whole }) => whole.count > 0).sort((a, b) => b.whole.count - a.whole.count);
  }

  /** The attempts to an upstream; undefined if there were none. */
  upstream(name: string, now: number): Figures | undefined {
    return this.#upstreams.get(name)?.at(now);
  }
}

function isPartFailed({ problem }: EndedPart): boolean {
  return problem !== undefined;
}

function known<Value>(
  map: Map<string, Value> | undefined,
  name: string,
  make: () => Value,
): Value | undefined {
  let value = map?.get(name);
  if (map && value === undefined && map.size < MAX_NAMES) map.set(name, value = make());
  return value;
}

const recentFigures = () => new RecentFigures();
const routeFigures = (): RouteFigures => ({ whole: new RecentFigures(), parts: new Map() });
