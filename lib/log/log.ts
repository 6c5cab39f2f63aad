import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { isWritten, type Level, type LogLevel } from "./level.ts";
import type { LogEntry, LogFacts } from "./log_entry.ts";
import { timeText } from "./time_text.ts";
import { withoutSecrets } from "./without_secrets.ts";

/** How many errors of a chain of causes are logged. */
const MAX_CAUSES = 5;

/** Where lines go. */
export interface LogOptions {
  readonly clock: Pick<Clock, "wall">;
  /** The least level that is written. */
  readonly level: LogLevel;
  readonly write: (entry: LogEntry) => void;
}

/** Logs what happens to the gateway; the access log is another one, with a line for each request. */
export class Log {
  readonly #options: LogOptions;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Whether lines of a level are written. */
  isWritten(level: Level): boolean {
    return isWritten(level, this.#options.level);
  }

  /** Writes a line, if its level is to be written, without the secrets of URLs in its message. */
  write(level: Level, message: string, facts?: LogFacts): void {
    if (!this.isWritten(level)) return;
    const { clock, write } = this.#options;
    write({ time: timeText(clock.wall()), level, message: withoutSecrets(message), ...facts });
  }

  /**
   * Logs what went wrong: an error that nobody expected at `error` and with its stack, a text or an
   * expected failure, as of a refresh in the background, at `warn`.
   * @param about the part of the gateway that it concerns, or the request that it failed
   */
  failure(thrown: unknown, about: string | LogFacts): void {
    const [place, facts] = typeof about === "string" ? [`${about}: `, {}] : ["", about];
    if (thrown instanceof GatewayError && thrown.kind !== "internal") {
      const { kind: problem, message } = thrown;
      return this.write("warn", place + message, { ...facts, problem });
    }
    if (!(thrown instanceof Error)) {
      const level = typeof about === "string" ? "warn" : "error";
      return this.write(level, place + String(thrown), facts);
    }
    const stack = withoutSecrets(framesOf(thrown));
    const message = `${place}${thrown.name}: ${thrown.message}`;
    this.write("error", message, { ...facts, ...(stack !== "" && { stack }) });
  }
}

/** The lines of a stack that begin with `at`, and those of the errors that caused it. */
function framesOf({ stack = "", cause }: Error, depth = 1): string {
  const frames = stack.split("\n").filter((line) => /^\s+at /.test(line)).map((line) =>
    line.trim()
  );
  if (!(cause instanceof Error) || depth === MAX_CAUSES) return frames.join("\n");
  frames.push(`caused by ${cause.name}: ${cause.message}`, framesOf(cause, depth + 1));
  return frames.join("\n");
}
