import type { InFlight } from "../lib/async/in_flight.ts";
import type { Clock } from "../lib/core/clock.ts";
import type { Kind } from "../lib/core/errors.ts";
import { fingerprint } from "../lib/core/fingerprint.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { memoize } from "../lib/core/memoize.ts";
import { endedRequest } from "../lib/observe/ended_request.ts";
import type { Observer } from "../lib/observe/observer.ts";
import type { PartRecord } from "../lib/core/trace.ts";
import type { Exchange } from "./exchange.ts";
import type { Middleware } from "./middleware.ts";

/** One line of the access log. */
export interface AccessEntry {
  /** When the request arrived (ISO 8601, UTC). */
  readonly time: string;
  readonly id: string;
  readonly method: string;
  /** Without the query, which may contain secrets. */
  readonly path: string;
  /** The key of the matched route; absent when none matched. */
  readonly route?: string;
  /** 503 when the process ended before a response began. */
  readonly status: number;
  /** Set when the end of the process cut the request off. */
  readonly cutOff?: true;
  /** From arrival until the response was sent (ms). */
  readonly durationMs: number;
  /** A hash of the client, the same for as long as the process runs. */
  readonly client: string;
  /** Why the request failed. */
  readonly problem?: Kind;
  /** Why the response was ended before the client had read all of it. */
  readonly ended?: "send-timeout";
  /** The parts, in the order in which they completed. */
  readonly parts?: readonly PartEntry[];
}

/** One part of a request in the access log. */
export interface PartEntry {
  readonly part: string;
  readonly durationMs: number;
  readonly problem?: Kind;
}

/** The access log's dependencies. */
export interface AccessLogOptions {
  readonly clock: Clock;
  readonly log: (entry: AccessEntry) => void;
  readonly shutdown: Shutdown;
  /** Who gets each request when it has ended (default: nobody). */
  readonly observers?: readonly Observer[] | undefined;
  /** Counts the requests that are not logged yet. */
  readonly inFlight?: InFlight;
}

/** How the end of a request that was not sent whole is logged. */
type CutShort = Pick<AccessEntry, "cutOff" | "ended">;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

/** How many client hashes are memoized. */
const HASHES = 1_000;

/** Logs each request once, when its response has been sent or the process ends. */
export function accessLog(options: AccessLogOptions): Middleware {
  const { clock, log, shutdown, observers = [], inFlight: counted } = options;
  const salt = crypto.randomUUID();
  const hash = memoize((address) => fingerprint(salt + address), HASHES);
  /** The requests in flight, and when each arrived (ms since 1970). */
  const inFlight = new Map<Exchange, number>();
  const write = (c: Exchange, cutShort?: CutShort) => {
    const arrivedAt = inFlight.get(c);
    if (arrivedAt === undefined) return; // already logged, when the process ended
    inFlight.delete(c);
    const tookMs = clock.monotonic() - c.arrivedAt;
    const durationMs = round(tookMs);
    const time = new Date(arrivedAt).toISOString();
    log(entryOf(c, { time, durationMs, client: hash(clientOf(c)) }, cutShort));
    if (observers.length > 0) observe(observers, c, { time: arrivedAt, tookMs }, cutShort);
    counted?.leave();
  };
  shutdown.onEnd(() => {
    const count = inFlight.size;
    for (const c of [...inFlight.keys()]) write(c, { cutOff: true });
    return count;
  });
  return {
    before(c) {
      inFlight.set(c, clock.wall());
      counted?.enter();
    },
    after(c) {
      const { streaming, sending, env: { completed } } = c;
      const end = () => write(c);
      // A client may leave before its request has finished.
      const whenOver = () => {
        if (streaming) Promise.allSettled([completed, streaming]).then(end);
        else completed.then(end, end);
      };
      if (sending === undefined) return whenOver();
      // The server does not report a client that stays connected and stops reading.
      sending.then((outcome) =>
        outcome === "timeout" ? write(c, { ended: "send-timeout" }) : whenOver()
      );
    },
  };
}

/** A known client's name, else its address; the peer's address when no route matched. */
function clientOf({ lifetime, env }: Exchange): string {
  const client = lifetime?.ctx.client;
  return client?.name ?? client?.address ?? env.remoteAddress;
}

function entryOf(
  c: Exchange,
  { time, durationMs, client }: Pick<AccessEntry, "time" | "durationMs" | "client">,
  cutShort: CutShort | undefined,
): AccessEntry {
  const { trace: { id, parts }, method, path, route, error } = c;
  const status = statusOf(c);
  const entry: Writable<AccessEntry> = { time, id, method, path, status, durationMs, client };
  if (route !== undefined) entry.route = route;
  if (cutShort !== undefined) Object.assign(entry, cutShort);
  if (error !== undefined) entry.problem = error.kind;
  if (parts.length > 0) entry.parts = parts.map(partEntryOf);
  return entry;
}

/** The status for a client that has left (499) is never sent, only logged. */
function statusOf({ error, response }: Exchange): number {
  return error?.status ?? response?.status ?? 503;
}

function observe(
  observers: readonly Observer[],
  c: Exchange,
  { time, tookMs }: { readonly time: number; readonly tookMs: number },
  { cutOff, ended }: CutShort = {},
): void {
  const { trace, method, route, error, arrivedAt, env } = c;
  const request = endedRequest({
    route,
    method,
    status: statusOf(c),
    problem: error?.kind,
    ended: cutOff ? "cut-off" : ended,
    isInBatch: env.batch !== undefined,
    time,
    arrivedAt,
    durationMs: tookMs,
  }, trace);
  for (const { requestEnded } of observers) requestEnded?.(request);
}

function partEntryOf({ part, durationMs, error }: PartRecord): PartEntry {
  return { part, durationMs: round(durationMs), ...(error && { problem: error.kind }) };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
