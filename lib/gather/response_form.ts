import type { Bytes } from "../core/bytes.ts";
import type { Reply } from "../core/source.ts";
import { isRecord } from "../core/is_record.ts";
import type { PartProblem } from "../http/problem.ts";
import { ExactNumber } from "../json/exact_number.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import { JsonDocument } from "../json/json_document.ts";
import type { Inputs } from "../template/inputs.ts";
import type { Template } from "../template/template.ts";
import type { GatherPart } from "./gather_part.ts";
import type { Outcome } from "./settle.ts";

/** How the members of parts are put side by side: those of the root alone, or objects in them, too. */
export type Merge = "shallow" | "deep";

/** A response of a route's own form, in place of the envelope. */
export interface ResponseForm {
  /** The body; absent with `merge`. */
  readonly answer?: Template<unknown> | undefined;
  /** Whether the body is the parts' members side by side; absent with `answer`. */
  readonly merge?: Merge | undefined;
  /** The member with the problems, if there are any; absent: only the headers tell. */
  readonly problemsIn?: string | undefined;
  /** The part whose status, if it is a success, is the response's. */
  readonly status?: string | undefined;
  /** Headers of parts that become the response's. */
  readonly headers: readonly PartHeader[];
}

/** A header of a part's response. */
export interface PartHeader {
  /** Its name in the response, in lower case. */
  readonly name: string;
  readonly part: string;
  /** Its name in the part's response, in lower case. */
  readonly from: string;
}

/** A null, for a part that has no data. */
const NOTHING = JsonDocument.of(null);

/**
 * Writes the body of a response of its own form.
 * @param inputs the client's values, and the data of the parts that succeeded
 */
export function writeForm(
  { answer, merge = "shallow", problemsIn }: ResponseForm,
  inputs: Inputs,
  parts: readonly GatherPart[],
  problems: readonly PartProblem[],
): Bytes {
  for (const { name, otherwise } of parts) {
    if (inputs.outputs.has(name)) continue;
    const document = otherwise === undefined ? NOTHING : documentOf(otherwise);
    inputs.outputs.set(name, document);
  }
  const body = answer ? answer.expand(inputs.afterGather()) : merged(parts, inputs, merge);
  if (problemsIn === undefined || problems.length === 0 || !isObject(body)) return jsonBytes(body);
  return jsonBytes({ ...body, [problemsIn]: problems });
}

/** The status that a form gives the response. */
export function formStatus({ status }: ResponseForm, outcomes: readonly Outcome[]): number {
  const { reply } = outcomes.find(({ part }) => part === status) ?? {};
  return reply !== undefined && reply.status >= 200 && reply.status < 300 ? reply.status : 200;
}

/** Adds the headers that a form takes of parts. A cookie of a stored response was meant for another. */
export function addFormHeaders(
  { headers: taken }: ResponseForm,
  outcomes: readonly Outcome[],
  headers: Headers,
): void {
  for (const { name, part, from } of taken) {
    const { reply } = outcomes.find((outcome) => outcome.part === part) ?? {};
    if (reply === undefined) continue;
    if (from === "set-cookie") addCookies(reply, name, headers);
    else if (reply.headers.has(from)) headers.set(name, reply.headers.get(from) ?? "");
  }
}

function addCookies(reply: Reply, name: string, headers: Headers): void {
  if (reply.cached?.isHit) return;
  const cookies = reply.headers.getSetCookie();
  for (const cookie of cookies) headers.append(name, cookie);
  if (cookies.length > 0) headers.set("cache-control", "private, no-store");
}

/** Members of later parts win; data that is no object keeps its part's name. */
function merged(parts: readonly GatherPart[], inputs: Inputs, merge: Merge): unknown {
  let body: Record<string, unknown> = {};
  for (const { name, isHidden } of parts) {
    if (isHidden) continue;
    const value = inputs.outputs.get(name)?.at([]);
    const members = isObject(value) ? value : { [name]: value };
    body = merge === "deep" ? mergedDeep(body, members) : { ...body, ...members };
  }
  return body;
}

function mergedDeep(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = result[name];
    result[name] = isObject(before) && isObject(value) ? mergedDeep(before, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !Array.isArray(value) && !(value instanceof ExactNumber);
}

function documentOf(value: unknown): JsonDocument {
  const bytes = jsonBytes(value);
  return new JsonDocument(bytes, JSON.parse(new TextDecoder().decode(bytes)));
}
