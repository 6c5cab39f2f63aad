import { turns } from "../async/turns.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { GatewayError, type PartFailure } from "../core/errors.ts";
import type { GatherPlan, PartPage } from "./gather_plan.ts";
import { documentOf, jsonBytes, oneLine } from "../json/json_bytes.ts";
import { problemDocumentOf, problemOf } from "../http/problem.ts";
import type { StreamRecord } from "../http/record_stream.ts";
import { HandOff } from "../async/hand_off.ts";
import { Scope } from "../core/scope.ts";
import type { Outcome } from "./settle.ts";
import type { Call, Context } from "../core/source.ts";

/** A piece of a gather's answer. */
export interface GatherRecord extends StreamRecord {
  /** `done` for the last one and no other. */
  readonly event: "part" | "problem" | "done";
}

const ENCODER = new TextEncoder();
const CLOSE = ENCODER.encode("}");
const MORE = ENCODER.encode(',"more":true}');

/**
 * The answer of a gather as it comes: a record for each part that settles, or for each page of a
 * list that comes in pages; one for each item that failed; and a last one that says whether
 * everything is there. A page is read when the one before it was taken.
 * @throws {GatewayError} when the whole fails before anything was told; later the last record says it
 */
export async function* gatherRecords(
  plan: GatherPlan,
  call: Call,
  ctx: Context,
): AsyncGenerator<GatherRecord, void, void> {
  const standIns = new Map(plan.parts.map(({ name, otherwise }) => [name, otherwise]));
  const pages = new HandOff<PartPage>();
  using scope = new Scope(ctx.signal);
  const { completion: verdict, outcomes } = await plan.start(
    call,
    { ...ctx, signal: scope.signal },
    (page, signal) => pages.offer(page, signal),
  );
  const toldByPage = new Set<string>();
  let isTold = false;
  for await (const news of interleaved(outcomes, pages, scope)) {
    if (!isTold && verdict.error) continue;
    if ("list" in news) {
      isTold = true;
      toldByPage.add(news.part);
      yield pageRecord(news);
      continue;
    }
    const { part, reply, error } = news;
    if (error?.kind === "cancelled") continue;
    isTold = true;
    if (error) {
      yield problemRecord({ part, error }, toldByPage.has(part) ? undefined : standIns.get(part));
      continue;
    }
    ctx.buffers?.hold(reply.body);
    const turn = turns.take(reply.body.length ?? 0);
    if (turn) await turn;
    if (!toldByPage.has(part)) yield partRecord(part, await reply.body.bytes(Infinity));
    for (const failure of reply.failures ?? []) yield problemRecord(failure);
  }
  const { error, isComplete } = verdict;
  if (error && !isTold) throw error;
  const problem = error && problemDocumentOf(error, ctx.trace.id);
  yield { event: "done", line: jsonBytes({ complete: isComplete, problem }) };
}

/** Outcomes and pages as they come. Whoever stops early ends what both come from. */
async function* interleaved(
  outcomes: AsyncGenerator<Outcome, void, void>,
  pages: HandOff<PartPage>,
  scope: Scope,
): AsyncGenerator<Outcome | PartPage, void, void> {
  let coming: Promise<IteratorResult<Outcome, void>> | undefined;
  try {
    while (true) {
      coming ??= outcomes.next();
      // The outcome goes first where both are there: it has no others behind it.
      const result = await Promise.race([coming, pages.arrival()]);
      if (result) {
        coming = undefined;
        if (result.done) return;
        yield result.value;
      } else {
        const page = pages.take();
        if (page) yield page;
      }
    }
  } finally {
    // What `coming` waits for would hold up the end of the outcomes.
    scope.cancel(new GatewayError("cancelled", "the rest was no longer needed"));
    await outcomes.return();
  }
}

function pageRecord({ part, list, isLast }: PartPage): GatherRecord {
  const begin = ENCODER.encode(`{"part":${JSON.stringify(part)},"data":`);
  return { event: "part", line: joinBytes([begin, oneLine(list), isLast ? CLOSE : MORE]) };
}

/** A part's JSON on one line. */
export function partRecord(part: string, answer: Bytes): GatherRecord {
  const begin = ENCODER.encode(`{"part":${JSON.stringify(part)},"data":`);
  return { event: "part", line: joinBytes([begin, oneLine(documentOf(answer)), CLOSE]) };
}

function problemRecord({ part, index, error }: PartFailure, data?: unknown): GatherRecord {
  return { event: "problem", line: jsonBytes({ part, index, data, problem: problemOf(error) }) };
}
