import {
  type GatewayError,
  type Kind,
  type KindFacts,
  KINDS,
  type PartFailure,
} from "../core/errors.ts";

/** Where the gateway itself explains each kind of problem. */
export const PROBLEM_PATH = "/_gateway/problems/";

/** What went wrong, as a client reads it (RFC 9457 section 3.1). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** At which page the walk of a list ended, counted from 1: those before it are all there. */
  readonly page?: number;
}

/** A whole answer that says what went wrong. */
export interface ProblemDocument extends Problem {
  /** The request's id. */
  readonly instance: string;
  /** The parts that failed, when an aggregate did. */
  readonly problems?: readonly PartProblem[];
}

/** What went wrong with one part of an aggregate. */
export interface PartProblem extends Problem {
  readonly part: string;
  /** Which item of the part's list it is about, counted from 0. */
  readonly index?: number;
}

/** The problem that an error is. */
export function problemOf({ kind, status, message, extensions }: GatewayError): Problem {
  return { type: typeOf(kind), title: KINDS[kind].title, status, detail: message, ...extensions };
}

/** The problem that a failed part is. */
export function partProblemOf({ part, index, error }: PartFailure): PartProblem {
  return { part, ...(index === undefined ? {} : { index }), ...problemOf(error) };
}

/** The problem document that ends a request. */
export function problemDocumentOf(error: GatewayError, requestId: string): ProblemDocument {
  const document = { ...problemOf(error), instance: requestId };
  if (error.failures.length === 0) return document;
  return { ...document, problems: error.failures.map(partProblemOf) };
}

function typeOf(kind: Kind): string {
  const { type }: KindFacts = KINDS[kind];
  return type ?? PROBLEM_PATH + kind;
}
