import type { Kind } from "../core/errors.ts";
import type { CachedFacts } from "../core/cached_facts.ts";
import {
  type CallRecord,
  type PartRecord,
  type Trace,
  traceIdOf,
  type WaitRecord,
} from "../core/trace.ts";

/**
 * How a cache handled a part or a response. `stale`: a stored response that was no longer fresh;
 * `collapsed`: none was stored, and the response to an identical call was waited for.
 */
export type CacheUse = "hit" | "stale" | "miss" | "collapsed";

/**
 * What an observer gets of a request that has ended. It keeps no body, header or client alive, so that
 * it may be stored; all times are on the monotonic clock, so that they can be compared with each other.
 */
export interface EndedRequest {
  /** Its id, as `X-Request-Id` shows it. Chosen by the client: not for metrics. */
  readonly id: string;
  /** The key of the matched route, such as `GET /users/:id`; undefined if none of the config matched. */
  readonly route: string | undefined;
  /** Whether its path is one of the gateway's own, under `/_gateway/`. */
  readonly isOwn: boolean;
  /** Who sent it, as the access log names it. */
  readonly client: string;
  /** The method as sent; a client may invent one. */
  readonly method: string;
  /** The status sent; 499 for a client that left before, 503 if the process ended before. */
  readonly status: number;
  /** Why it failed as a whole. */
  readonly problem: Kind | undefined;
  /** Whether it ended before the client had the whole response: `cutOff` by the end of the process. */
  readonly ended: "cut-off" | "send-timeout" | undefined;
  /** Whether it was a request in a batch, which is an ended request of its own. */
  readonly isInBatch: boolean;
  /** When it arrived (ms since 1970). */
  readonly time: number;
  /** When it arrived, on the monotonic clock (ms). */
  readonly arrivedAt: number;
  /** From its arrival until the response was sent (ms). */
  readonly durationMs: number;
  /** The client's or the gateway's trace: 32 hexadecimal digits; undefined if there is none. */
  readonly traceId: string | undefined;
  /** How a cache handled the whole response; undefined if none was asked. */
  readonly cache: CacheUse | undefined;
  /** Its parts, in the order of their outcomes; those of a hit are not known. */
  readonly parts: readonly EndedPart[];
  /**
   * The attempts of its calls, in the order of their starts, at most {@linkcode MAX_RECORDS}. What still
   * runs, as a call does that other requests share, has no `durationMs` yet, and gets it when it ends.
   */
  readonly calls: readonly CallRecord[];
  /** Its waits, in the order of their ends. */
  readonly waits: readonly WaitRecord[];
}

/** A part of an ended request. */
export interface EndedPart {
  /** The part's name. */
  readonly part: string;
  /** When it started, on the monotonic clock (ms); undefined if it was never called. */
  readonly startedAt: number | undefined;
  /** Time from its start to its outcome (ms). */
  readonly durationMs: number;
  /** Why it failed; `cancelled` if it was no longer needed. */
  readonly problem: Kind | undefined;
  /** Whether its condition was false, so that it was not called. */
  readonly isSkipped?: true;
  /** How a cache served it; undefined if none was asked. */
  readonly cache: CacheUse | undefined;
}

/** The most attempts, and the most waits, that are recorded of one request. */
export const MAX_RECORDS = 1_000;

/** What is known of a request besides its trace. */
type RequestFacts = Omit<
  EndedRequest,
  "id" | "traceId" | "cache" | "parts" | "calls" | "waits"
>;

/** Makes the value for observers: facts, and what the trace says. */
export function endedRequest(facts: RequestFacts, trace: Trace): EndedRequest {
  const { id, cached, parts, calls = [], waits = [] } = trace;
  return {
    ...facts,
    id,
    traceId: traceIdOf(trace),
    cache: cacheUse(cached),
    parts: parts.map(endedPart),
    calls,
    waits,
  };
}

function endedPart(
  { part, startedAt, durationMs, error, reply, isSkipped }: PartRecord,
): EndedPart {
  const cache = cacheUse(reply?.cached);
  const ended = { part, startedAt, durationMs, problem: error?.kind, cache };
  return isSkipped ? { ...ended, isSkipped } : ended;
}

function cacheUse(cached: CachedFacts | undefined): CacheUse | undefined {
  if (cached === undefined) return undefined;
  if (cached.isStale) return "stale";
  if (cached.isHit) return "hit";
  return cached.isCollapsed ? "collapsed" : "miss";
}
