import type { Level } from "./level.ts";
import type { LogEntry } from "./log_entry.ts";
import { escaped } from "./quoted.ts";
import { visible } from "./visible.ts";

/** How lines are written: one JSON object each, or text for people. */
export type LogFormat = "json" | "text";

/** Grey, cyan, yellow and red. */
const COLOURS: Readonly<Record<Level, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

/** Formats a line as JSON. */
export function jsonLogLine(entry: LogEntry): string {
  return escaped(JSON.stringify(entry));
}

/**
 * Formats a line for people: `14:03:07 WARN upstream users: refused (1 call): Connection refused`. The
 * rest of a message of several lines, and a stack, follow on lines of their own, which are indented.
 */
export function readableLogLine(
  { time, level, id, message, stack }: LogEntry,
  isColoured: boolean,
): string {
  const name = level.toUpperCase();
  const shown = isColoured ? `\x1b[${COLOURS[level]}m${name}\x1b[0m` : name;
  const about = id === undefined ? "" : `  (request ${visible(id)})`;
  const [first = "", ...rest] = message.split("\n");
  const more = [...rest, ...stack?.split("\n") ?? []].map((line) => `\n    ${visible(line)}`);
  return `${time.slice(11, 19)} ${shown} ${visible(first)}${about}${more.join("")}`;
}
