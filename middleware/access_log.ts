import type { Clock } from "../lib/clock.ts";
import type { Kind } from "../lib/errors.ts";
import { fingerprint } from "../lib/fingerprint.ts";
import { remembering } from "../lib/remembering.ts";
import type { PartRecord } from "../lib/trace.ts";
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
  readonly status: number;
  /** From arrival until the answer was sent (ms). */
  readonly durationMs: number;
  /** Who asked, hashed: the same client has the same hash while the process lives. */
  readonly client: string;
  /** Why the request failed. */
  readonly problem?: Kind;
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
}

/** How many clients' hashes are remembered. */
const HASHES = 1_000;

/** Tells the log of each request, once its answer has been sent. */
export function accessLog({ clock, log }: AccessLogOptions): Middleware {
  const salt = crypto.randomUUID();
  const hash = remembering((address) => fingerprint(salt + address), HASHES);
  return async function accessLog(c, next) {
    const time = new Date(clock.wall()).toISOString();
    await next();
    const { status } = c.res;
    const write = () => {
      const durationMs = round(clock.monotonic() - c.get("arrivedAt"));
      const client = hash(clientOf(c));
      log(entryOf(c, { time, status, durationMs, client }));
    };
    // A client may leave before what it asked for has ended.
    Promise.allSettled([c.env.completed, c.get("answering")]).then(write);
  };
}

/** The name of a known client, or the address; the other end's, before a route was found. */
function clientOf(c: Exchange): string {
  const client = c.get("ctx")?.client;
  return client?.name ?? client?.address ?? c.env.remoteAddress;
}

function entryOf(
  c: Exchange,
  { time, ...facts }: Pick<AccessEntry, "time" | "status" | "durationMs" | "client">,
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
