import {
  type GatewayError,
  type Kind,
  type KindFacts,
  KINDS,
  type PartFailure,
} from "../core/errors.ts";
import { type Trace, traceIdOf } from "../core/trace.ts";

/** The path under which the gateway describes each kind of problem. */
export const PROBLEM_PATH = "/_gateway/problems/";

/** The common members of a problem (RFC 9457 section 3.1). */
export interface Problem {
  /** Identifies the kind; a page about it. */
  readonly type: string;
  /** The kind, in words. */
  readonly title: string;
  /** The HTTP status. */
  readonly status: number;
  /** What happened this time. */
  readonly detail: string;
  /** The page at which fetching a list ended, counted from 1; all pages before it are complete. */
  readonly page?: number;
}

/** A problem document. */
export interface ProblemDocument extends Problem {
  /** The request's id. */
  readonly instance: string;
  /** The id of the request's trace, if it has one. */
  readonly traceId?: string;
  /** The failed parts of an aggregate. */
  readonly problems?: readonly PartProblem[];
}

/** The problem of a part of an aggregate. */
export interface PartProblem extends Problem {
  /** The part's name. */
  readonly part: string;
  /** The item of the part's `each` that failed, counted from 0. */
  readonly index?: number;
}

/** Converts an error to a problem. */
export function problemOf({ kind, status, message, extensions }: GatewayError): Problem {
  return { type: typeOf(kind), title: KINDS[kind].title, status, detail: message, ...extensions };
}

/** Converts a failed part to a problem. */
export function partProblemOf({ part, index, error }: PartFailure): PartProblem {
  return { part, ...(index === undefined ? {} : { index }), ...problemOf(error) };
}

/** Returns the problem document of a failed request. */
export function problemDocumentOf(
  error: GatewayError,
  trace: Trace,
): ProblemDocument {
  const traceId = traceIdOf(trace);
  const document = { ...problemOf(error), instance: trace.id, ...(traceId && { traceId }) };
  if (error.failures.length === 0) return document;
  return { ...document, problems: error.failures.map(partProblemOf) };
}

function typeOf(kind: Kind): string {
  const { type }: KindFacts = KINDS[kind];
  return type ?? PROBLEM_PATH + kind;
}
