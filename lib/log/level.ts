/** How important a line is. `error`: something that the gateway needs fails. */
export type Level = "debug" | "info" | "warn" | "error";

/** The levels of log lines, the least important first. */
export const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

/** The least level that is written; `off` for none. */
export type LogLevel = Level | "off";

/** Whether lines of a level are written. */
export function isWritten(level: Level, least: LogLevel): boolean {
  return least !== "off" && LEVELS.indexOf(level) >= LEVELS.indexOf(least);
}
