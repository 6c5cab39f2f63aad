import { aggregateFreshness, type PartReply } from "./aggregate_freshness.ts";
import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import type { Bytes } from "../core/bytes.ts";
import { Envelope, writeOnly } from "./envelope.ts";
import type { GatherPlan } from "./gather_plan.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import { partProblemOf } from "../http/problem.ts";
import type { Reply, Source } from "../core/source.ts";
import type { Completion } from "./completion.ts";

/** How a gather answers. */
export interface GatherForm {
  /** Whether the answer is what the one winner answered, and not a member for each part. */
  readonly isFirst?: boolean;
  /** Says in the answer's headers how it may be kept; absent when nobody is to keep it. */
  readonly freshness?: {
    /** The longest it is fresh (ms); undefined for as long as its parts are. */
    readonly ttlMs: number | undefined;
    readonly clock: Clock;
  };
}

const NOTHING: Bytes = new Uint8Array();

/**
 * Several Sources as one: asks all parts, and answers with one JSON envelope.
 *
 * It rejects as soon as too much has failed, or when the client's own request is at fault; what
 * still runs is then cancelled. The error carries every part's failure.
 */
export function gather(plan: GatherPlan, { isFirst = false, freshness }: GatherForm = {}): Source {
  const envelope = new Envelope(plan.parts.map(({ name }) => name));
  const places = new Map(plan.parts.map(({ name }, index) => [name, index]));
  const clientHeaders = plan.parts.flatMap(({ clientHeaders = [] }) => clientHeaders);
  const standIns = plan.parts.map(({ otherwise }) =>
    otherwise === undefined ? NOTHING : jsonBytes(otherwise)
  );

  return async function gather(call, ctx) {
    const { completion: verdict, outcomes } = await plan.start(call, ctx);
    const answers: (Bytes | undefined)[] = standIns.map(() => undefined);
    const replies: PartReply[] = [];
    let last: Bytes = NOTHING;
    for await (const { part, reply, error } of outcomes) {
      const place = places.get(part) ?? 0;
      if (reply) {
        ctx.buffers?.hold(reply.body);
        answers[place] = last = await reply.body.bytes(Infinity);
        const { isAuthorized = false, isPerClient = false } = plan.parts[place] ?? {};
        replies.push({ part, reply, isAuthorized, isPerClient });
      } else if (error.kind !== "cancelled") answers[place] = standIns[place];
    }
    if (verdict.error) throw verdict.error;
    const completeness = {
      isComplete: verdict.isComplete,
      problems: verdict.failures.map(partProblemOf),
      stale: replies.filter(({ reply }) => isStale(reply)).map(({ part }) => part),
    };
    const chunks = isFirst ? writeOnly(last, completeness) : envelope.write(answers, completeness);
    const headers = freshness && verdict.isComplete
      ? aggregateFreshness(replies, {
        ttlMs: freshness.ttlMs,
        clientHeaders,
        now: freshness.clock.wall(),
      })
      : new Headers();
    return replyOf(chunks, headers, verdict);
  };
}

/** Whether an answer, or one that it was put together from, is served for want of a new one. */
function isStale({ cached, madeOf = [] }: Reply): boolean {
  return cached?.isStale || madeOf.some(isStale);
}

function replyOf(
  chunks: readonly Bytes[],
  headers: Headers,
  { isComplete, failures }: Completion,
): Reply {
  headers.set("content-type", "application/json");
  headers.set("gateway-complete", isComplete ? "?1" : "?0");
  // Nobody may keep the answer of a bad moment (RFC 9111 section 5.2.2.5).
  if (!isComplete) headers.set("cache-control", "no-store");
  return {
    status: 200,
    headers,
    body: Body.ofChunks(chunks),
    ...(isComplete ? {} : { failures }),
  };
}
