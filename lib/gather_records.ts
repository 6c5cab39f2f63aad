import { type Bytes, joinBytes } from "./bytes.ts";
import type { PartFailure } from "./errors.ts";
import type { GatherPlan } from "./gather_plan.ts";
import { documentOf, jsonBytes, oneLine } from "./json_bytes.ts";
import { problemDocumentOf, problemOf } from "./problem.ts";
import type { Call, Context } from "./source.ts";

/** A piece of an answer that is told as it comes. */
export interface GatherRecord {
  /** `done` for the last one and no other. */
  readonly event: "part" | "problem" | "done";
  /** A JSON document on one line. */
  readonly line: Bytes;
}

const ENCODER = new TextEncoder();
const CLOSE = ENCODER.encode("}");

/**
 * The answer of a gather as it comes: a record for each part that settles, one for each item that
 * failed, and a last one that says whether everything is there.
 * @throws {GatewayError} when the whole fails before anything was told; later the last record says it
 */
export async function* gatherRecords(
  plan: GatherPlan,
  call: Call,
  ctx: Context,
): AsyncGenerator<GatherRecord, void, void> {
  const standIns = new Map(plan.parts.map(({ name, otherwise }) => [name, otherwise]));
  const { verdict, outcomes } = await plan.ask(call, ctx);
  let isTold = false;
  for await (const { part, reply, error } of outcomes) {
    if (error?.kind === "cancelled" || (!isTold && verdict.error)) continue;
    isTold = true;
    if (error) {
      yield problemRecord({ part, error }, standIns.get(part));
      continue;
    }
    yield partRecord(part, await reply.body.bytes(Infinity));
    for (const failure of reply.failures ?? []) yield problemRecord(failure);
  }
  const { error, isComplete } = verdict;
  if (error && !isTold) throw error;
  const problem = error && problemDocumentOf(error, ctx.trace.id);
  yield { event: "done", line: jsonBytes({ complete: isComplete, problem }) };
}

function partRecord(part: string, answer: Bytes): GatherRecord {
  const begin = ENCODER.encode(`{"part":${JSON.stringify(part)},"data":`);
  return { event: "part", line: joinBytes([begin, oneLine(documentOf(answer)), CLOSE]) };
}

function problemRecord({ part, index, error }: PartFailure, data?: unknown): GatherRecord {
  return { event: "problem", line: jsonBytes({ part, index, data, problem: problemOf(error) }) };
}
