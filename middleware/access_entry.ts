import type { GatewayError, Kind } from "../lib/core/errors.ts";
import { type PartRecord, traceIdOf } from "../lib/core/trace.ts";
import type { BridgeEnd } from "../lib/transport/web_socket/bridge.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../lib/core/upstream_fault.ts";
import type { Level } from "../lib/log/level.ts";
import type { CutShort, LoggedRequest } from "./logged_request.ts";

/** One line of the access log. */
export interface AccessEntry extends CutShort {
  /** When the request arrived (ISO 8601, UTC). */
  readonly time: string;
  /** `warn` for a 5xx and for a request that was cut short, otherwise `info`. */
  readonly level: Level;
  /** What tells these lines from all others. */
  readonly message: "request";
  /** Its id, as `X-Request-Id` shows it. */
  readonly id: string;
  /** The request's trace; absent without one. */
  readonly traceId?: string;
  /** Its method. */
  readonly method: string;
  /** Without the query, which may contain secrets. */
  readonly path: string;
  /** The key of the matched route; absent when none matched. */
  readonly route?: string;
  /** 503 when the process ended before a response began. */
  readonly status: number;
  /** From arrival until the response was sent (ms). */
  readonly durationMs: number;
  /** A known client's name, otherwise a keyed hash of its address. */
  readonly client: string;
  /** Why the request failed. */
  readonly problem?: Kind;
  /** Why its upstream could not be called, or did not respond. */
  readonly cause?: UpstreamFaultReason;
  /** The parts, in the order in which they completed. */
  readonly parts?: readonly PartEntry[];
  /** The messages of a WebSocket connection from and to the client, and its close code. */
  readonly webSocket?: BridgeEnd;
}

/** One part of a request in the access log. */
export interface PartEntry {
  /** Its name. */
  readonly part: string;
  /** From its start until its outcome (ms). */
  readonly durationMs: number;
  /** Why it failed. */
  readonly problem?: Kind;
  /** Why its upstream could not be called, or did not respond. */
  readonly cause?: UpstreamFaultReason;
  /** Set if its condition was false, so that it was not called. */
  readonly skipped?: true;
}

/** Returns what the access log says of a request. */
export function accessEntry(request: LoggedRequest): AccessEntry {
  const {
    c: { trace, method, path, route, error, webSocket },
    arrivedAt,
    tookMs,
    client,
    cutShort,
  } = request;
  const traceId = traceIdOf(trace);
  return {
    time: new Date(arrivedAt).toISOString(),
    level: levelOf(request),
    message: "request",
    id: trace.id,
    ...(traceId !== undefined && { traceId }),
    method,
    path,
    ...(route !== undefined && { route }),
    status: statusOf(request.c),
    ...cutShort,
    durationMs: tenthsOf(tookMs) / 10,
    client,
    ...failureOf(error),
    ...(trace.parts.length > 0 && { parts: trace.parts.map(partEntryOf) }),
    ...(webSocket && { webSocket }),
  };
}

function partEntryOf({ part, durationMs, error, isSkipped }: PartRecord): PartEntry {
  const entry = { part, durationMs: tenthsOf(durationMs) / 10, ...failureOf(error) };
  return isSkipped ? { ...entry, skipped: true } : entry;
}

function failureOf(error: GatewayError | undefined): Pick<AccessEntry, "problem" | "cause"> {
  if (error === undefined) return {};
  const cause = causeOf(error);
  return { problem: error.kind, ...(cause !== undefined && { cause }) };
}

/** The level of a request's line. */
export function levelOf({ c, cutShort }: LoggedRequest): Level {
  return statusOf(c) >= 500 || cutShort !== undefined ? "warn" : "info";
}

/** The status for a client that has left (499) is never sent, only logged. */
export function statusOf({ error, response }: LoggedRequest["c"]): number {
  return error?.status ?? response?.status ?? 503;
}

/** A word for why an upstream failed; undefined if the system reported nothing. */
export function causeOf({ cause }: GatewayError): UpstreamFaultReason | undefined {
  return cause instanceof UpstreamFault ? cause.reason : undefined;
}

/** Tenths of a millisecond. */
export function tenthsOf(ms: number): number {
  return Math.round(ms * 10);
}
