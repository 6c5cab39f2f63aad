import { aggregateFreshness, type PartReply } from "./aggregate_freshness.ts";
import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import type { Clock } from "../core/clock.ts";
import type { Bytes } from "../core/bytes.ts";
import { Envelope, writeOnly } from "./envelope.ts";
import { addFormHeaders, formStatus, type ResponseForm, writeForm } from "./response_form.ts";
import type { GatherPlan } from "./gather_plan.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import { partProblemOf } from "../http/problem.ts";
import type { Reply, Source } from "../core/source.ts";
import type { Completion } from "./completion.ts";

/** The form of a gather's response. */
export interface GatherForm {
  /** Whether `data` is the winner's body, instead of an object with a member for each part. */
  readonly isFirst?: boolean;
  /** The response's own form (default: the envelope). */
  readonly form?: ResponseForm | undefined;
  /** Adds caching headers to the response; absent when it is not to be cached. */
  readonly freshness?: {
    /** Maximum freshness (ms); undefined for as long as its parts are fresh. */
    readonly ttlMs: number | undefined;
    readonly clock: Clock;
  };
}

const NOTHING: Bytes = new Uint8Array();

/**
 * Combines several Sources into one, which calls all parts and replies with one JSON envelope.
 *
 * It rejects as soon as too many parts have failed, or when the client's request is invalid, and
 * cancels the remaining calls. The error carries every part's failure.
 */
export function gather(
  plan: GatherPlan,
  { isFirst = false, freshness, form }: GatherForm = {},
): Source {
  const envelope = new Envelope(plan.parts.map(({ name }) => name));
  const places = new Map(plan.parts.map(({ name }, index) => [name, index]));
  const clientHeaders = plan.parts.flatMap(({ clientHeaders = [] }) => clientHeaders);
  const fallbacks = plan.parts.map(({ otherwise }) =>
    otherwise === undefined ? NOTHING : jsonBytes(otherwise)
  );

  return async function gather(call, ctx) {
    const { completion, outcomes, inputs } = await plan.run(call, ctx);
    if (completion.error) throw completion.error;
    const bodies: (Bytes | undefined)[] = fallbacks.map(() => undefined);
    const replies: PartReply[] = [];
    let last: Bytes = NOTHING;
    for (const { part, reply, error } of outcomes) {
      const place = places.get(part) ?? 0;
      if (reply) {
        ctx.buffers?.hold(reply.body);
        last = reply.body.wholeBytes ?? await reply.body.bytes(Infinity);
        const { isAuthorized = false, isPerClient = false, isHidden } = plan.parts[place] ?? {};
        if (!isHidden) bodies[place] = last;
        replies.push({ part, reply, isAuthorized, isPerClient });
      } else if (error && error.kind !== "cancelled" && !plan.parts[place]?.isHidden) {
        bodies[place] = fallbacks[place];
      }
    }
    const completeness = {
      isComplete: completion.isComplete,
      problems: completion.failures.map(partProblemOf),
      stale: replies.filter(({ reply }) => isStale(reply)).map(({ part }) => part),
    };
    const chunks = isFirst
      ? writeOnly(last, completeness)
      : form?.answer || form?.merge
      ? [writeForm(form, inputs, plan.parts, completeness.problems)]
      : envelope.write(bodies, completeness);
    const headers = freshness && completion.isComplete
      ? aggregateFreshness(replies, {
        ttlMs: freshness.ttlMs,
        clientHeaders,
        now: freshness.clock.wall(),
      })
      : new FieldList();
    const reply = replyOf(chunks, headers, completion);
    if (form === undefined) return reply;
    addFormHeaders(form, outcomes, headers);
    return { ...reply, status: formStatus(form, outcomes) };
  };
}

/** Whether a reply, or one that it is made of, was served stale because its upstream failed. */
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
  // An incomplete response must not be cached (RFC 9111 section 5.2.2.5).
  if (!isComplete) headers.set("cache-control", "no-store");
  return {
    status: 200,
    headers,
    body: Body.ofChunks(chunks),
    ...(isComplete ? {} : { failures }),
  };
}
