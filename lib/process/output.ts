import type { Clock } from "../core/clock.ts";
import { LineWriter } from "./line_writer.ts";
import { within } from "../core/within.ts";

/** What may wait for a reader that is slow, of each kind of output (characters). */
const MAX_WAITING = 1024 * 1024;

/** All that the program writes. Nothing here waits for a reader, or throws. */
export interface Output {
  /** Whether people read along: standard output is a terminal. */
  readonly isTerminal: boolean;
  /** Adds a line to standard output. */
  readonly line: (text: string) => void;
  /** Adds a line to standard error. */
  readonly error: (text: string) => void;
  /**
   * Writes what waits. Resolves when it is written or cannot be, and after `ms` in any case
   * (default: however long a slow reader takes).
   */
  readonly flush: (ms?: number) => Promise<void>;
}

/**
 * Opens standard output and standard error. Lines that cannot be written are dropped once 1 MiB of
 * them waits; a line says how many, as JSON on a standard output that machines read.
 */
export function openOutput(clock: Clock): Output {
  const isTerminal = Deno.stdout.isTerminal();
  const errors = new LineWriter({
    write: (bytes) => Deno.stderr.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: inWords,
  });
  const lines = new LineWriter({
    write: (bytes) => Deno.stdout.write(bytes),
    maxWaiting: MAX_WAITING,
    clock,
    dropNotice: (dropped) =>
      isTerminal
        ? inWords(dropped)
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

function inWords(dropped: number): string {
  return `${dropped} lines were dropped: the output could not be written`;
}
