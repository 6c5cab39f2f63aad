import type { Clock } from "../lib/core/clock.ts";
import type { Kind } from "../lib/core/errors.ts";
import { fingerprint } from "../lib/core/fingerprint.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { memoize } from "../lib/core/memoize.ts";
import type { PartRecord } from "../lib/core/trace.ts";
import type { Exchange, Middleware } from "./env.ts";

/** One request, as the access log tells it. */
export interface AccessEntry {
  /** When it came (ISO 8601, UTC). */
  readonly time: string;
  readonly id: string;
  readonly method: string;
  /** Without the query, which may hold secrets. */
  readonly path: string;
  /** The key of the route that answered; absent when none matched. */
  readonly route?: string;
  /** 503 when no answer was begun before the process ended. */
  readonly status: number;
  /** Whether the end of the process cut it off; absent when not. */
  readonly cutOff?: true;
  /** From arrival until the answer was sent (ms). */
  readonly durationMs: number;
  /** Who asked, hashed: the same client has the same hash while the process lives. */
  readonly client: string;
  /** Why the request failed. */
  readonly problem?: Kind;
  /** Why the response was ended before the client had all of it. */
  readonly ended?: "send-timeout";
  /** The parts in the order of their outcomes. */
  readonly parts?: readonly PartEntry[];
}

/** One part of a request, as the access log tells it. */
export interface PartEntry {
  readonly part: string;
  readonly durationMs: number;
  readonly problem?: Kind;
}

/** What the access log needs. */
export interface AccessLogOptions {
  readonly clock: Clock;
  readonly log: (entry: AccessEntry) => void;
  readonly shutdown: Shutdown;
}

/** How many clients' hashes are remembered. */
const HASHES = 1_000;

/** Tells the log of each request, once its answer has been sent or the process ends. */
export function accessLog({ clock, log, shutdown }: AccessLogOptions): Middleware {
  const salt = crypto.randomUUID();
  const hash = memoize((address) => fingerprint(salt + address), HASHES);
  /** Those in flight, and when each came. */
  const inFlight = new Map<Exchange, string>();
  const write = (c: Exchange, cutShort?: Pick<AccessEntry, "cutOff" | "ended">) => {
    const time = inFlight.get(c);
    if (time === undefined) return; // told already, when the process ended
    inFlight.delete(c);
    // What a client that left would be told is no more than the log's.
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
    // A client may leave before what it asked for has ended.
    const isOver = Promise.allSettled([c.env.completed, c.get("answering")]);
    const sending = c.get("sending");
    if (sending === undefined) isOver.then(() => write(c));
    else {
      // The server does not tell when a client stays that reads no more.
      sending.then((outcome) =>
        outcome === "timeout" ? write(c, { ended: "send-timeout" }) : isOver.then(() => write(c))
      );
    }
  };
}

/** The name of a known client, or the address; the other end's, before a route was found. */
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
