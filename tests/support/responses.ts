import { assert, assertEquals, assertNotMatch } from "@std/assert";
import { type Item, parseItem, parseList } from "structured-headers";
import type { Kind } from "../../lib/core/errors.ts";
import { type PartProblem, PROBLEM_PATH, type ProblemDocument } from "../../lib/http/problem.ts";

/** What may pass until an answer begins; far more than any test needs. */
const ANSWER_MS = 10_000;

/** Asks as fetch does, but not for ever: a gateway that hangs fails its test. */
export async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const bound = new AbortController();
  const timer = setTimeout(
    () => bound.abort(new Error(`no response within ${ANSWER_MS} ms`)),
    ANSWER_MS,
  );
  const signal = init.signal ? AbortSignal.any([bound.signal, init.signal]) : bound.signal;
  try {
    return await fetch(url, { ...init, signal });
  } finally {
    clearTimeout(timer);
  }
}

/** The body of an aggregate that answered. */
export interface EnvelopeDocument {
  readonly data: Readonly<Record<string, unknown>>;
  readonly complete: boolean;
  readonly stale?: readonly string[];
  readonly problems?: readonly PartProblem[];
}

/** What every answer to a request must say of it. */
export interface Expected {
  /** The request's id. */
  readonly id?: string;
  /** The names of the parts that were asked, in any order. */
  readonly parts?: readonly string[];
  /** What must not show anywhere, such as an upstream's port. */
  readonly hidden?: readonly string[];
}

/** What a problem document must say. */
export interface ExpectedProblem extends Expected {
  readonly status: number;
  readonly kind: Kind;
}

/** Reads an aggregate's answer, whose headers must agree with it. */
export async function readEnvelope(
  response: Response,
  expected: Expected = {},
): Promise<EnvelopeDocument> {
  const text = await response.text();
  assertEquals(response.status, 200, text);
  assertEquals(response.headers.get("content-type"), "application/json");
  const document: EnvelopeDocument = JSON.parse(text);
  const { complete, problems } = document;
  assertEquals(problems === undefined, complete, text);
  if (!complete) assertEquals(response.headers.get("cache-control"), "no-store");
  assertHeaders(response, complete, expected);
  assertHides(text, response.headers, expected);
  return document;
}

/** Reads the problem document that an aggregate failed with, whose headers must agree with it. */
export async function readProblem(
  response: Response,
  { status, kind, ...expected }: ExpectedProblem,
): Promise<ProblemDocument> {
  const text = await response.text();
  assertEquals(response.status, status, text);
  const document: ProblemDocument = JSON.parse(text);
  assertEquals(document.type, PROBLEM_PATH + kind, text);
  assertEquals(document.status, status);
  assertEquals(document.instance, response.headers.get("x-request-id"));
  assert(document.title.length > 0 && document.detail.length > 0, text);
  assertEquals(response.headers.get("content-type"), "application/problem+json");
  assertEquals(response.headers.get("cache-control"), "no-store");
  assertHeaders(response, false, expected);
  assertHides(text, response.headers, expected);
  return document;
}

/** The parts that failed, as `Proxy-Status` tells them: `part: kind`. */
export function failedParts({ headers }: Response): string[] {
  return parseList(headers.get("proxy-status") ?? "").map((member) => {
    const [, parameters] = itemOf(member);
    assert(parameters.has("error") !== parameters.has("received-status"));
    return String(parameters.get("details"));
  }).toSorted();
}

/** The parts that `Server-Timing` has an entry for. */
export function timedParts({ headers }: Response): string[] {
  const entries = headers.get("server-timing")?.split(", ") ?? [];
  return entries.map((entry) => {
    const [, part = ""] = /^(\w+);dur=\d+\.\d(?:;desc="[a-z-]+")?$/.exec(entry) ?? [];
    assert(part !== "", entry);
    return part;
  }).toSorted();
}

function assertHeaders(response: Response, isComplete: boolean, { id, parts }: Expected): void {
  const { headers } = response;
  const [complete] = itemOf(parseItem(headers.get("gateway-complete") ?? ""));
  assertEquals(complete, isComplete);
  // What may be stored is of one language, too, and what is long may be compressed.
  const varied = headers.get("vary")?.split(", ")
    .filter((name) => name !== "accept-language" && name !== "Accept-Encoding");
  assertEquals(varied, ["Accept", "Prefer"]);
  if (id !== undefined) assertEquals(headers.get("x-request-id"), id);
  if (parts) assertEquals(timedParts(response), parts.toSorted());
}

/** No upstream's address and no stack trace may reach a client. */
function assertHides(text: string, headers: Headers, { hidden = [] }: Expected): void {
  const told = text + JSON.stringify([...headers]);
  assertNotMatch(told, /127\.0\.0\.1|localhost|os error|\.ts:\d+|\bat \w+ \(/);
  for (const secret of hidden) assert(!told.includes(secret), told);
}

function itemOf(member: ReturnType<typeof parseList>[number]): Item {
  const [value, parameters] = member;
  assert(!Array.isArray(value));
  return [value, parameters];
}
