import { turns } from "../async/turns.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { GatewayError, type PartFailure } from "../core/errors.ts";
import type { GatherPlan } from "./gather_plan.ts";
import type { PartPage } from "./part_planner.ts";
import { documentOf, jsonBytes, oneLine } from "../json/json_bytes.ts";
import { problemDocumentOf, problemOf } from "../http/problem.ts";
import type { StreamRecord } from "../http/record_stream.ts";
import { HandOff } from "../async/hand_off.ts";
import { Scope } from "../core/scope.ts";
import type { Outcome } from "./settle.ts";
import type { Call, Context } from "../core/source.ts";

/** A record of a gather's streamed response. */
export interface GatherRecord extends StreamRecord {
  /** `done` for the last record only. */
  readonly event: "part" | "problem" | "done";
}

const ENCODER = new TextEncoder();
const CLOSE = ENCODER.encode("}");
const MORE = ENCODER.encode(',"more":true}');

/**
 * Streams the response of a gather: a record for each part that settles, or for each page of a
 * paginated list; one for each item that failed; and a last one that says whether the response is
 * complete. A page is requested once the consumer has taken the one before it.
 * @throws {GatewayError} when the gather fails before the first record; later, the last record
 * carries the error
 */
export async function* gatherRecords(
  plan: GatherPlan,
  call: Call,
  ctx: Context,
): AsyncGenerator<GatherRecord, void, void> {
  const fallbacks = new Map(plan.parts.map(({ name, otherwise }) => [name, otherwise]));
  const hidden = new Set(plan.parts.filter(({ isHidden }) => isHidden).map(({ name }) => name));
  const pages = new HandOff<PartPage>();
  using scope = new Scope(ctx.signal);
  const { completion, outcomes } = await plan.start(
    call,
    { ...ctx, signal: scope.signal },
    (page, signal) => pages.offer(page, signal),
  );
  const streamedByPage = new Set<string>();
  let hasBegun = false;
  for await (const arrival of interleaved(outcomes, pages, scope)) {
    if (!hasBegun && completion.error) continue;
    if ("list" in arrival) {
      streamedByPage.add(arrival.part);
      if (hidden.has(arrival.part)) continue;
      hasBegun = true;
      yield pageRecord(arrival);
      continue;
    }
    const { part, reply, error, isSkipped } = arrival;
    if (isSkipped || error?.kind === "cancelled") continue;
    if (error) {
      hasBegun = true;
      const fallback = streamedByPage.has(part) || hidden.has(part)
        ? undefined
        : fallbacks.get(part);
      yield problemRecord({ part, error }, fallback);
      continue;
    }
    ctx.buffers?.hold(reply.body);
    const turn = turns.take(reply.body.length ?? 0);
    if (turn) await turn;
    if (!streamedByPage.has(part) && !hidden.has(part)) {
      hasBegun = true;
      yield partRecord(part, await reply.body.bytes(Infinity));
    }
    for (const failure of reply.failures ?? []) {
      hasBegun = true;
      yield problemRecord(failure);
    }
  }
  const { error, isComplete } = completion;
  if (error && !hasBegun) throw error;
  const problem = error && problemDocumentOf(error, ctx.trace);
  yield { event: "done", line: jsonBytes({ complete: isComplete, problem }) };
}

/** Merges outcomes and pages as they arrive. A consumer that stops early cancels both. */
async function* interleaved(
  outcomes: AsyncGenerator<Outcome, void, void>,
  pages: HandOff<PartPage>,
  scope: Scope,
): AsyncGenerator<Outcome | PartPage, void, void> {
  let nextOutcome: Promise<IteratorResult<Outcome, void>> | undefined;
  try {
    while (true) {
      nextOutcome ??= outcomes.next();
      // When both have arrived the outcome goes first: no others wait behind it.
      const result = await Promise.race([nextOutcome, pages.arrival()]);
      if (result) {
        nextOutcome = undefined;
        if (result.done) return;
        yield result.value;
      } else {
        const page = pages.take();
        if (page) yield page;
      }
    }
  } finally {
    // `return` waits for a pending `next`, which ends only once the calls are cancelled.
    scope.cancel(new GatewayError("cancelled", "the rest was no longer needed"));
    await outcomes.return();
  }
}

function pageRecord({ part, list, isLast }: PartPage): GatherRecord {
  const begin = ENCODER.encode(`{"part":${JSON.stringify(part)},"data":`);
  return { event: "part", line: joinBytes([begin, oneLine(list), isLast ? CLOSE : MORE]) };
}

/** The record of a part that succeeded, its JSON on one line. */
export function partRecord(part: string, body: Bytes): GatherRecord {
  const begin = ENCODER.encode(`{"part":${JSON.stringify(part)},"data":`);
  return { event: "part", line: joinBytes([begin, oneLine(documentOf(body)), CLOSE]) };
}

function problemRecord({ part, index, error }: PartFailure, data?: unknown): GatherRecord {
  return { event: "problem", line: jsonBytes({ part, index, data, problem: problemOf(error) }) };
}
