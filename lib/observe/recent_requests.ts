import { LatencyHistogram } from "../core/latency_histogram.ts";
import type { EndedRequest } from "./ended_request.ts";
import { Ring } from "./ring.ts";

/** What part of the recent requests is looked for. */
export interface RecentFilter {
  /** The key of a route; undefined for any. */
  readonly route?: string | undefined;
  /** `failed`: 5xx, or not sent whole; `client`: 4xx; `slow`: slower than most of its route. */
  readonly kind?: "failed" | "client" | "slow" | undefined;
}

/** A recent request. */
export interface RecentRequest {
  readonly request: EndedRequest;
  /** Whether it was slow for its route. */
  readonly isSlow: boolean;
  /** What it takes in memory, roughly. */
  readonly bytes: number;
}

const LATEST = { maxCount: 1_000, maxBytes: 4 * 1024 * 1024 };
/** Failed and slow ones stay longer, for they are what someone looks for later. */
const NOTABLE = { maxCount: 1_000, maxBytes: 4 * 1024 * 1024 };
/** So many of them a second and route, so that a failing route does not push out what came before. */
const NOTABLE_PER_SECOND = 5;
/** The share of a route's requests that are not slow. */
const USUAL = 0.99;
/** What is slow while a route has too few requests to compare with (ms). */
const SLOW_MS = 1_000;
/** What a request takes, and each part, attempt and wait of it (bytes, roughly). */
const BYTES = { request: 400, record: 160 };
/** Routes for which slowness is told apart; more than one gateway has. */
const MAX_ROUTES = 20_000;

/** What is usual for a route, and what was stored of it in this second. */
interface Usual {
  readonly durations: LatencyHistogram;
  second: number;
  stored: number;
}

/** The latest requests, bounded in count and bytes; of failed and slow ones more, from a longer time. */
export class RecentRequests {
  readonly #latest = new Ring<RecentRequest>(LATEST);
  readonly #notable = new Ring<RecentRequest>(NOTABLE);
  readonly #usual = new Map<string, Usual>();

  /** Adds one that ended. */
  add(request: EndedRequest, isFailed: boolean): void {
    const { route = "", durationMs, parts, calls, waits, id } = request;
    const usual = this.#usualOf(route);
    const isSlow = durationMs > (usual?.durations.quantile(USUAL) ?? SLOW_MS);
    usual?.durations.add(durationMs);
    const records = parts.length + calls.length + waits.length;
    const bytes = BYTES.request + BYTES.record * records + 2 * id.length;
    const recent = { request, isSlow, bytes };
    this.#latest.push(recent);
    if ((isFailed || isSlow) && mayStore(usual, request)) this.#notable.push(recent);
  }

  /** The latest that pass a filter, the newest first. */
  list({ route, kind }: RecentFilter, most: number): RecentRequest[] {
    const found = new Set<RecentRequest>();
    const isWanted = ({ request, isSlow }: RecentRequest) =>
      (route === undefined || request.route === route) &&
      (kind === undefined || (kind === "slow" ? isSlow : kindOf(request) === kind));
    for (const ring of [this.#latest, this.#notable]) {
      let count = 0;
      for (const recent of ring) {
        if (!isWanted(recent)) continue;
        found.add(recent);
        if (++count >= most) break;
      }
    }
    return [...found].sort((a, b) => endOf(b.request) - endOf(a.request)).slice(0, most);
  }

  /** The latest with an id, as `X-Request-Id` shows it. */
  find(id: string): RecentRequest | undefined {
    for (const ring of [this.#latest, this.#notable]) {
      for (const recent of ring) if (recent.request.id === id) return recent;
    }
    return undefined;
  }

  #usualOf(route: string): Usual | undefined {
    let usual = this.#usual.get(route);
    if (usual === undefined && this.#usual.size < MAX_ROUTES) {
      usual = { durations: new LatencyHistogram(), second: -1, stored: 0 };
      this.#usual.set(route, usual);
    }
    return usual;
  }
}

/** How a request ended: `failed` for 5xx and what was not sent whole, `client` for 4xx. */
export function kindOf({ status, ended }: EndedRequest): "ok" | "client" | "failed" {
  if (status >= 500 || ended !== undefined) return "failed";
  return status >= 400 ? "client" : "ok";
}

function mayStore(usual: Usual | undefined, request: EndedRequest): boolean {
  if (usual === undefined) return true;
  const second = Math.floor(endOf(request) / 1_000);
  if (usual.second !== second) [usual.second, usual.stored] = [second, 0];
  return usual.stored++ < NOTABLE_PER_SECOND;
}

function endOf({ arrivedAt, durationMs }: EndedRequest): number {
  return arrivedAt + durationMs;
}
