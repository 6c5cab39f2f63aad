import type { Clock } from "../core/clock.ts";
import { LineWriter } from "./line_writer.ts";
import { within } from "../core/within.ts";

/** How much may wait for a slow reader of each output (characters). */
const MAX_WAITING = 1024 * 1024;

/** Standard output and standard error. Writing never blocks and never throws. */
export interface Output {
  /** Whether standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Adds a line to standard output. */
  readonly line: (text: string) => void;
  /** Adds a line to standard error. */
  readonly error: (text: string) => void;
  /** Writes what waits. Resolves when it is written, cannot be written, or `ms` have passed. */
  readonly flush: (ms?: number) => Promise<void>;
}

/**
 * Opens standard output and standard error. When more than 1 MiB waits to be written, new lines are
 * dropped, and one line says how many: JSON on standard output, unless it is a terminal.
 */
export function openOutput(clock: Clock): Output {
  const isTerminal = Deno.stdout.isTerminal();
  const errors = new LineWriter({
    write: (bytes) => Deno.stderr.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: readableNotice,
  });
  const lines = new LineWriter({
    write: (bytes) => Deno.stdout.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: (dropped) =>
      isTerminal
        ? readableNotice(dropped)
        : JSON.stringify({ time: new Date(clock.wall()).toISOString(), dropped }),
    onFailure: (error) =>
      errors.line(
        `standard output cannot be written: ${error instanceof Error ? error.message : error}`,
      ),
  });
  return {
    isTerminal,
    line: (text) => lines.line(text),
    error: (text) => errors.line(text),
    async flush(ms = Infinity) {
      const flushed = lines.flush().then(() => errors.flush());
      if (ms === Infinity) await flushed;
      else await within(flushed, ms, clock, () => new Error("the output is stuck")).catch(() => {});
    },
  };
}

function readableNotice(dropped: number): string {
  return `${dropped} lines were dropped: the output could not be written`;
}
