import { type Kind, type KindFacts, KINDS } from "../core/errors.ts";
import { PROBLEM_PATH } from "../http/problem.ts";
import { type DocObject, ref } from "./document.ts";

/** The media type of problem documents (RFC 9457). */
export const PROBLEM_TYPE = "application/problem+json";

/** Statuses with which an upstream's refusal of the client's request is passed on. */
export const REFUSALS: readonly number[] = [400, 404, 409, 410, 422, 451];
/** Those where the client's credentials are passed on. */
export const DENIALS: readonly number[] = [401, 403];

/** Failures that only the log shows. */
const UNSENT: ReadonlySet<string> = new Set<Kind>(["cancelled"]);
/** The gateway's own routes alone fail with it, or paths that no route has. */
const ELSEWHERE: ReadonlySet<string> = new Set<Kind>([
  "not-found",
  "method-not-allowed",
  "forbidden",
]);

const kinds = Object.entries<KindFacts>(KINDS).filter(([kind]) =>
  !UNSENT.has(kind) && !ELSEWHERE.has(kind)
);

/** Returns the response with a problem document of a status, as a component. */
export function problemResponse(status: number): DocObject {
  const types = kindsOf(status).map(([kind, facts]) => typeOf(kind, facts));
  return {
    description: titlesOf(status).join("; "),
    headers: problemHeaders(status),
    content: {
      [PROBLEM_TYPE]: {
        schema: {
          allOf: [ref("schemas", "ProblemDocument")],
          properties: { status: { const: status }, type: { enum: types } },
        },
      },
    },
  };
}

/**
 * Returns a response that is a problem document or the upstream's own response, which is passed on
 * whatever it is.
 * @param status absent for any
 */
export function passedOnResponse(status?: number): DocObject {
  const titles = status === undefined ? ["A problem"] : titlesOf(status);
  return {
    description: `${titles.join("; ")}; or the upstream's response`,
    headers: {
      ...problemHeaders(status),
      "Proxy-Status": ref("headers", "ProxyStatus"),
    },
    content: {
      [PROBLEM_TYPE]: {
        schema: { anyOf: [ref("schemas", "ProblemDocument"), { description: "The upstream's." }] },
      },
      "*/*": {},
    },
  };
}

/** The schemas of problem documents, as components. */
export const PROBLEM_SCHEMAS: Readonly<Record<string, DocObject>> = {
  Problem: {
    type: "object",
    description: "A problem (RFC 9457).",
    required: ["type", "title", "status", "detail"],
    properties: {
      type: {
        type: "string",
        format: "uri-reference",
        description: `The kind: ${
          kinds.map(([kind, facts]) => `\`${typeOf(kind, facts)}\``).join(", ")
        }.`,
      },
      title: { type: "string", description: "The kind, in words." },
      status: { type: "integer", minimum: 400, maximum: 599 },
      detail: { type: "string", description: "What happened; not to be parsed." },
      page: { type: "integer", minimum: 1, description: "The page at which a list ended." },
      upstream: { description: "The body with which an upstream rejected the request." },
    },
  },
  ProblemDocument: {
    allOf: [ref("schemas", "Problem")],
    required: ["instance"],
    properties: {
      instance: { type: "string", description: "The request's id, as in X-Request-Id." },
      problems: {
        type: "array",
        description: "The parts that failed.",
        items: ref("schemas", "PartProblem"),
      },
      "violated-policies": {
        type: "array",
        description: "The rate limits that were exceeded.",
        items: { type: "string" },
      },
    },
  },
  PartProblem: {
    allOf: [ref("schemas", "Problem")],
    required: ["part"],
    properties: {
      part: { type: "string" },
      index: {
        type: "integer",
        minimum: 0,
        description: "The item of the part's list that failed.",
      },
    },
  },
};

/** A part that was not called because another failed has the status of that one. */
function mayHaveStatus(kind: string, facts: KindFacts, status: number): boolean {
  if (kind === "upstream-refused") return REFUSALS.includes(status) || DENIALS.includes(status);
  if (kind === "input-failed") return isOfUpstream(status);
  return facts.status === status;
}

function isOfUpstream(status: number): boolean {
  return REFUSALS.includes(status) || DENIALS.includes(status) || [502, 503, 504].includes(status);
}

function kindsOf(status: number): [kind: string, facts: KindFacts][] {
  return kinds.filter(([kind, facts]) => mayHaveStatus(kind, facts, status));
}

function titlesOf(status: number): string[] {
  return [...new Set(kindsOf(status).map(([, { title }]) => title))];
}

function problemHeaders(status: number | undefined): DocObject {
  return {
    "X-Request-Id": ref("headers", "XRequestId"),
    ...(status === 401 && { "WWW-Authenticate": ref("headers", "WwwAuthenticate") }),
    ...((status === 429 || status === 503) && { "Retry-After": ref("headers", "RetryAfter") }),
  };
}

function typeOf(kind: string, { type }: KindFacts): string {
  return type ?? PROBLEM_PATH + kind;
}
