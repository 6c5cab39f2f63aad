import type { GatewayError } from "../core/errors.ts";
import type { Trace } from "../core/trace.ts";
import type { Inputs } from "../template/inputs.ts";
import { isClients, type TemplateName } from "../template/reference.ts";
import { type Completion, retryAfterOf } from "./completion.ts";
import { inputFailed, type Outcome } from "./settle.ts";

/** What decides whether a part's calls would be refused. */
export interface RefusablePart {
  readonly name: string;
  /** The parts whose results it needs (default none). */
  readonly needs?: readonly string[];
  /** The list whose items it makes calls for, instead of one. */
  readonly each?: { readonly items: TemplateName };
  /** The list whose values it sends together, instead of one call. */
  readonly batch?: { readonly items: TemplateName };
  /**
   * Returns the error with which its calls would fail if they were made now; undefined if they may
   * succeed. Absent where only a call shows that.
   */
  readonly refusal?: () => GatewayError | undefined;
}

type Failed = Outcome & { readonly error: GatewayError };

/**
 * Returns the error of a gather that cannot succeed because its parts' calls would be refused, before
 * any part is called: what the others fetch would be thrown away. Undefined if it may succeed.
 * @param completion of the same gather, without outcomes so far
 */
export function earlyRefusal(
  parts: readonly RefusablePart[],
  completion: Completion,
  inputs: Inputs,
  trace: Trace,
): GatewayError | undefined {
  const outcomes = parts.flatMap((part): Failed[] => {
    const error = makesCalls(part, inputs) ? part.refusal?.() : undefined;
    return error ? [{ part: part.name, durationMs: 0, error }] : [];
  });
  if (outcomes.length === 0) return undefined;
  const failed = new Set(outcomes.map(({ part }) => part));
  outcomes.sort(byRetryAfter);
  // The list grows: each failure is passed on to the parts that need it.
  for (const outcome of outcomes) {
    for (const { name, needs = [] } of parts) {
      if (failed.has(name) || !needs.includes(outcome.part)) continue;
      failed.add(name);
      outcomes.push({ part: name, durationMs: 0, error: inputFailed(outcome) });
    }
  }
  // All are known at the same time: the one with the longest wait decides.
  for (const outcome of outcomes.sort(byRetryAfter)) completion.add(outcome);
  const { error } = completion;
  if (error) trace.parts.push(...outcomes);
  return error;
}

function byRetryAfter(a: Failed, b: Failed): number {
  return retryAfterOf(b.error) - retryAfterOf(a.error);
}

/** Whether a part makes any call: a list may be empty, and another part's is not known yet. */
function makesCalls({ each, batch }: RefusablePart, inputs: Inputs): boolean {
  const list = each ?? batch;
  if (list === undefined) return true;
  return isClients(list.items.reference) && inputs.list(list.items).length > 0;
}
