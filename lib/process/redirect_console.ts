import { format } from "node:util";
import type { Clock } from "../core/clock.ts";
import { isWritten, type Level, type LogLevel } from "../log/level.ts";
import { jsonLogLine } from "../log/log_line.ts";
import { timeText } from "../log/time_text.ts";
import type { Output } from "./output.ts";

/**
 * Redirects `console` to the program's output, as lines of the log: `console` itself blocks on a slow
 * reader, and every request with it.
 * @param least the least level that is written
 */
export function redirectConsole(output: Output, least: LogLevel, clock: Clock): void {
  const to = (level: Level, isError: boolean) => (...values: unknown[]) => {
    if (!isWritten(level, least)) return;
    const text = format(...values);
    const { format: form } = isError ? output.errorStyle : output.lineStyle;
    const line = form === "text"
      ? text
      : jsonLogLine({ time: timeText(clock.wall()), level, message: text });
    if (isError) output.error(line, level);
    else output.line(line, level);
  };
  Object.assign(console, {
    log: to("info", false),
    info: to("info", false),
    debug: to("debug", false),
    warn: to("warn", true),
    error: to("error", true),
  });
}
