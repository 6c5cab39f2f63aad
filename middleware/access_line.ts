import type { AccessEntry, PartEntry } from "./access_log.ts";

/** Formats a request as one line of JSON. */
export function jsonLine(entry: AccessEntry): string {
  return JSON.stringify(entry);
}

/** Characters that would move a terminal's cursor or hide what follows. */
const UNSHOWN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Formats a request as one line for a terminal: `14:03:07 200 GET /country/IS 12ms  country 3ms`. */
export function readableLine(entry: AccessEntry): string {
  const { time, status, method, path, durationMs, cutOff, problem, parts = [] } = entry;
  const shown = `${method} ${path}`.replaceAll(UNSHOWN, encodeURIComponent);
  const line = `${time.slice(11, 19)} ${colour(status)} ${shown} ${durationMs}ms`;
  return [line, cutOff && "cut off", problem, parts.map(readablePart).join(" · ")].filter(Boolean)
    .join("  ");
}

function readablePart({ part, durationMs, problem }: PartEntry): string {
  return `${part} ${durationMs}ms${problem ? ` ${problem}` : ""}`;
}

/** Green for 2xx, cyan for 3xx, yellow for 4xx, red for 5xx. */
function colour(status: number): string {
  const code = [32, 36, 33, 31][Math.floor(status / 100) - 2] ?? 0;
  return `\x1b[${code}m${status}\x1b[0m`;
}
