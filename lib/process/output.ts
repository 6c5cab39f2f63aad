import type { Clock } from "../core/clock.ts";
import { within } from "../core/within.ts";
import type { Level } from "../log/level.ts";
import type { LogEntry } from "../log/log_entry.ts";
import { jsonLogLine, type LogFormat, readableLogLine } from "../log/log_line.ts";
import { timeText } from "../log/time_text.ts";
import type { ConsoleExport } from "./console_export.ts";
import { LineWriter } from "./line_writer.ts";

/** How much may wait for a slow reader of each output (characters). */
const MAX_WAITING = 1024 * 1024;

/** How one of the outputs is written. */
export interface OutputStyle {
  readonly format: LogFormat;
  /** Whether text has colours: only on a terminal. */
  readonly isColoured: boolean;
}

/** Standard output and standard error. Writing never throws, and never blocks without telemetry. */
export interface Output {
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** How standard output is written. */
  readonly lineStyle: OutputStyle;
  /** How standard error is written. */
  readonly errorStyle: OutputStyle;
  /** Writes both in a format from now on (default: text on a terminal, otherwise JSON). */
  readonly useFormat: (format: LogFormat) => void;
  /** Adds a line to standard output. The level is for telemetry. */
  readonly line: (text: string, level?: Level) => void;
  /** Adds a line to standard error. The level is for telemetry. */
  readonly error: (text: string, level?: Level) => void;
  /** Adds a line of the log to standard error. */
  readonly log: (entry: LogEntry) => void;
  /** Writes what waits. Resolves when it is written, cannot be written, or `ms` have passed. */
  readonly flush: (ms?: number) => Promise<void>;
}

/**
 * Opens standard output and standard error. When more than 1 MiB waits to be written, new lines are
 * dropped, and one line says how many.
 *
 * While Deno exports `console` to OpenTelemetry, lines go there: through it alone if it writes, too.
 */
export function openOutput(clock: Clock, exported: ConsoleExport): Output {
  const isTerminal = Deno.stdout.isTerminal();
  let lineStyle = styleOf(Deno.stdout);
  let errorStyle = styleOf(Deno.stderr);
  const format = (entry: LogEntry, { format, isColoured }: OutputStyle) =>
    format === "json" ? jsonLogLine(entry) : readableLogLine(entry, isColoured);
  const entryOf = (message: string, facts: Pick<LogEntry, "dropped"> = {}): LogEntry => (
    { time: timeText(clock.wall()), level: "error", message, ...facts }
  );
  const dropped = (lines: number) =>
    entryOf(`${lines} lines were dropped: the output could not be written`, { dropped: lines });
  const errors = new LineWriter({
    write: (bytes) => Deno.stderr.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: (lines) => format(dropped(lines), errorStyle),
  });
  const lines = new LineWriter({
    write: (bytes) => Deno.stdout.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: (lines) => format(dropped(lines), lineStyle),
    onFailure: (error) => {
      const reason = error instanceof Error ? error.message : error;
      errors.line(format(entryOf(`standard output cannot be written: ${reason}`), errorStyle));
    },
  });
  const write = (writer: LineWriter, text: string, level: Level) => {
    if (exported !== "no") CONSOLE[level](text);
    if (exported !== "capture") writer.line(text);
  };
  return {
    isTerminal,
    get lineStyle() {
      return lineStyle;
    },
    get errorStyle() {
      return errorStyle;
    },
    useFormat(format) {
      lineStyle = { ...lineStyle, format };
      errorStyle = { ...errorStyle, format };
    },
    line: (text, level = "info") => write(lines, text, level),
    error: (text, level = "error") => write(errors, text, level),
    log: (entry) => write(errors, format(entry, errorStyle), entry.level),
    async flush(ms = Infinity) {
      const flushed = lines.flush().then(() => errors.flush());
      if (ms === Infinity) await flushed;
      else await within(flushed, ms, clock, () => new Error("the output is stuck")).catch(() => {});
    },
  };
}

/** The platform's own methods, which {@linkcode redirectConsole} replaces. */
const { debug, info, warn, error } = console;
const CONSOLE: Readonly<Record<Level, (text: string) => void>> = { debug, info, warn, error };

function styleOf(stream: typeof Deno.stdout | typeof Deno.stderr): OutputStyle {
  const isTerminal = stream.isTerminal();
  return { format: isTerminal ? "text" : "json", isColoured: isTerminal && !Deno.noColor };
}
