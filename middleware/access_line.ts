import type { GatewayError } from "../lib/core/errors.ts";
import { traceIdOf } from "../lib/core/trace.ts";
import { quoted } from "../lib/log/quoted.ts";
import { timeText } from "../lib/log/time_text.ts";
import { visible } from "../lib/log/visible.ts";
import {
  type AccessEntry,
  causeOf,
  levelOf,
  type PartEntry,
  statusOf,
  tenthsOf,
} from "./access_entry.ts";
import type { LoggedRequest } from "./logged_request.ts";

/**
 * Formats a request as one line of JSON: what JSON.stringify makes of its {@linkcode AccessEntry}, with
 * more escapes. The line is joined by hand, because every request has one.
 */
export function jsonLine(request: LoggedRequest): string {
  const { c, arrivedAt, tookMs, client, cutShort } = request;
  const { trace, method, path, route, error, webSocket } = c;
  const traceId = traceIdOf(trace);
  let line = `{"time":"${timeText(arrivedAt)}","level":"${levelOf(request)}","message":"request"` +
    `,"id":${quoted(trace.id)}${traceId === undefined ? "" : `,"traceId":${quoted(traceId)}`}` +
    `,"method":${quoted(method)},"path":${quoted(path)}` +
    `${route === undefined ? "" : `,"route":${quoted(route)}`},"status":${statusOf(request.c)}`;
  if (cutShort?.cutOff) line += ',"cutOff":true';
  if (cutShort?.ended) line += `,"ended":"${cutShort.ended}"`;
  line += `,"durationMs":${milliseconds(tookMs)},"client":${quoted(client)}${failure(error)}`;
  let separator = ',"parts":[';
  for (const { part, durationMs, error, isSkipped } of trace.parts) {
    line += `${separator}{"part":${quoted(part)},"durationMs":${milliseconds(durationMs)}` +
      `${failure(error)}${isSkipped ? ',"skipped":true' : ""}}`;
    separator = ",";
  }
  if (trace.parts.length > 0) line += "]";
  return webSocket ? `${line},"webSocket":${JSON.stringify(webSocket)}}` : `${line}}`;
}

function failure(error: GatewayError | undefined): string {
  if (error === undefined) return "";
  const cause = causeOf(error);
  return cause === undefined
    ? `,"problem":"${error.kind}"`
    : `,"problem":"${error.kind}","cause":"${cause}"`;
}

/** Writing a number that is no integer costs more than the rest of a part. */
function milliseconds(ms: number): string {
  const tenths = tenthsOf(ms);
  const whole = Math.trunc(tenths / 10);
  const rest = tenths - whole * 10;
  if (rest === 0) return String(whole);
  return tenths > 0 && tenths < 1e9 ? `${whole}.${rest}` : String(tenths / 10);
}

/** Formats a request as one line for people: `14:03:07 200 GET /country/IS 12ms  country 3ms`. */
export function readableLine(entry: AccessEntry, isColoured: boolean): string {
  const { time, status, method, path, durationMs, cutOff, parts = [] } = entry;
  const shown = isColoured ? coloured(status) : String(status);
  const line = `${time.slice(11, 19)} ${shown} ${visible(`${method} ${path}`)} ${durationMs}ms`;
  return [line, cutOff && "cut off", reason(entry), parts.map(readablePart).join(" · ")]
    .filter(Boolean).join("  ");
}

function readablePart({ part, durationMs, ...failed }: PartEntry): string {
  return [part, `${durationMs}ms`, reason(failed)].filter(Boolean).join(" ");
}

function reason({ problem, cause }: Pick<AccessEntry, "problem" | "cause">): string | undefined {
  return cause === undefined ? problem : `${problem} (${cause})`;
}

/** Green for 2xx, cyan for 3xx, yellow for 4xx, red for 5xx. */
function coloured(status: number): string {
  const code = [32, 36, 33, 31][Math.floor(status / 100) - 2] ?? 0;
  return `\x1b[${code}m${status}\x1b[0m`;
}
