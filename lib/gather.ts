import { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import { Envelope, writeOnly } from "./envelope.ts";
import type { GatherPlan } from "./gather_plan.ts";
import { jsonBytes } from "./json_bytes.ts";
import { partProblemOf } from "./problem.ts";
import type { Reply, Source } from "./source.ts";
import type { Verdict } from "./verdict.ts";

/** How a gather answers. */
export interface GatherForm {
  /** Whether the answer is what the one winner answered, and not a member for each part. */
  readonly isFirst?: boolean;
}

const NOTHING: Bytes = new Uint8Array();

/**
 * Several Sources as one: asks all parts, and answers with one JSON envelope.
 *
 * It rejects as soon as too much has failed, or when the client's own request is at fault; what
 * still runs is then cancelled. The error carries every part's failure.
 */
export function gather(plan: GatherPlan, { isFirst = false }: GatherForm = {}): Source {
  const envelope = new Envelope(plan.parts.map(({ name }) => name));
  const places = new Map(plan.parts.map(({ name }, index) => [name, index]));
  const standIns = plan.parts.map(({ otherwise }) =>
    otherwise === undefined ? NOTHING : jsonBytes(otherwise)
  );

  return async function gather(call, ctx) {
    const { verdict, outcomes } = await plan.ask(call, ctx);
    const answers: (Bytes | undefined)[] = standIns.map(() => undefined);
    let last: Bytes = NOTHING;
    for await (const { part, reply, error } of outcomes) {
      const place = places.get(part) ?? 0;
      if (reply) answers[place] = last = await reply.body.bytes(Infinity);
      else if (error.kind !== "cancelled") answers[place] = standIns[place];
    }
    if (verdict.error) throw verdict.error;
    const completeness = {
      isComplete: verdict.isComplete,
      problems: verdict.failures.map(partProblemOf),
    };
    const bytes = isFirst ? writeOnly(last, completeness) : envelope.write(answers, completeness);
    return replyOf(bytes, verdict);
  };
}

function replyOf(bytes: Bytes, { isComplete, failures }: Verdict): Reply {
  const headers = new Headers({ "content-type": "application/json" });
  headers.set("gateway-complete", isComplete ? "?1" : "?0");
  // Nobody may keep the answer of a bad moment (RFC 9111 section 5.2.2.5).
  if (!isComplete) headers.set("cache-control", "no-store");
  return {
    status: 200,
    headers,
    body: Body.of(bytes),
    ...(isComplete ? {} : { failures }),
  };
}
