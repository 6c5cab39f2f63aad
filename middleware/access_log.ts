import type { Clock } from "../lib/core/clock.ts";
import type { Kind } from "../lib/core/errors.ts";
import { fingerprint } from "../lib/core/fingerprint.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { memoize } from "../lib/core/memoize.ts";
import type { PartRecord } from "../lib/core/trace.ts";
import type { Exchange, Middleware } from "./env.ts";

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
}

/** How many client hashes are memoized. */
const HASHES = 1_000;

/** Logs each request once, when its response has been sent or the process ends. */
export function accessLog({ clock, log, shutdown }: AccessLogOptions): Middleware {
  const salt = crypto.randomUUID();
  const hash = memoize((address) => fingerprint(salt + address), HASHES);
  /** The requests in flight, and when each arrived. */
  const inFlight = new Map<Exchange, string>();
  const write = (c: Exchange, cutShort?: Pick<AccessEntry, "cutOff" | "ended">) => {
    const time = inFlight.get(c);
    if (time === undefined) return; // already logged, when the process ended
    inFlight.delete(c);
    // The status for a client that has left (499) is never sent, only logged.
    const status = c.get("error")?.status ?? (c.finalized ? c.res.status : 503);
    const durationMs = round(clock.monotonic() - c.get("arrivedAt"));
    const client = hash(clientOf(c));
    log(entryOf(c, { time, status, ...cutShort, durationMs, client }));
  };
  shutdown.onEnd(() => {
    const count = inFlight.size;
    for (const c of [...inFlight.keys()]) write(c, { cutOff: true });
    return count;
  });
  return async function accessLog(c, next) {
    inFlight.set(c, new Date(clock.wall()).toISOString());
    await next();
    // A client may leave before its request has finished.
    const isOver = Promise.allSettled([c.env.completed, c.get("streaming")]);
    const sending = c.get("sending");
    if (sending === undefined) isOver.then(() => write(c));
    else {
      // The server does not report a client that stays connected and stops reading.
      sending.then((outcome) =>
        outcome === "timeout" ? write(c, { ended: "send-timeout" }) : isOver.then(() => write(c))
      );
    }
  };
}

/** A known client's name, else its address; the peer's address when no route matched. */
function clientOf(c: Exchange): string {
  const client = c.get("ctx")?.client;
  return client?.name ?? client?.address ?? c.env.remoteAddress;
}

function entryOf(
  c: Exchange,
  { time, ...facts }: Pick<
    AccessEntry,
    "time" | "status" | "cutOff" | "ended" | "durationMs" | "client"
  >,
): AccessEntry {
  const { id, parts } = c.get("trace");
  const route = c.get("route");
  const error = c.get("error");
  return {
    time,
    id,
    method: c.req.method,
    path: c.req.path,
    ...(route === undefined ? {} : { route }),
    ...facts,
    ...(error === undefined ? {} : { problem: error.kind }),
    ...(parts.length === 0 ? {} : { parts: parts.map(partEntryOf) }),
  };
}

function partEntryOf({ part, durationMs, error }: PartRecord): PartEntry {
  return { part, durationMs: round(durationMs), ...(error && { problem: error.kind }) };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
