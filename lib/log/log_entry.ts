import type { Kind } from "../core/errors.ts";
import type { Level } from "./level.ts";

/** What a line of the log is about. What is absent does not apply. */
export interface LogFacts {
  /** The request's id, as `X-Request-Id` shows it. */
  readonly id?: string | undefined;
  /** The request's trace (W3C Trace Context). */
  readonly traceId?: string | undefined;
  /** The key of the request's route. */
  readonly route?: string | undefined;
  /** The name of the operator's token, for a change by an operator. */
  readonly operator?: string | undefined;
  /** What the operator asked for: the method, the path and the query. */
  readonly action?: string | undefined;
  /** The operator's address. */
  readonly address?: string | undefined;
  /** The status of the operator's response. */
  readonly status?: number | undefined;
  /** The name of the upstream. */
  readonly upstream?: string | undefined;
  /** The origin of the upstream's target that was called, and its address if it was chosen. */
  readonly target?: string | undefined;
  /** Which attempt of the call it was, counted from 1. */
  readonly attempt?: number | undefined;
  /** The kind of problem that the failure is to clients. */
  readonly problem?: Kind | undefined;
  /** A word for the cause, and the system's own words: `refused: Connection refused (os error 111)`. */
  readonly cause?: string | undefined;
  /** How many calls the line stands for. */
  readonly calls?: number | undefined;
  /** Where in the program an unexpected error was thrown. */
  readonly stack?: string | undefined;
  /** How many lines could not be written. */
  readonly dropped?: number | undefined;
}

/** One line on standard error. */
export interface LogEntry extends LogFacts {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** How urgent it is. */
  readonly level: Level;
  /** What happened, in one line of text that says it all. */
  readonly message: string;
}
