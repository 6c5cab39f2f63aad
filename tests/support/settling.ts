import { GatewayError } from "../../lib/core/errors.ts";
import { type Outcome, type Part, settle } from "../../lib/gather/settle.ts";
import type { Context, Source } from "../../lib/core/source.ts";
import { testCall } from "./context.ts";
import type { ManualClock } from "./manual_clock.ts";

/** A part that needs no other. */
export const partOf = (name: string, source: Source): Part => ({ name, source, call: testCall() });

/** Reads all outcomes, in the order they come. */
export async function collect(parts: Iterable<Part>, ctx: Context, clock: ManualClock) {
  const outcomes: Outcome[] = [];
  for await (const outcome of settle(parts, ctx, { clock })) outcomes.push(outcome);
  return outcomes;
}

/** A part that needs others; it asks for its own name. */
export const needing = (name: string, source: Source, ...needs: readonly string[]): Part => ({
  ...partOf(name, source),
  call: () => testCall({ path: `/${name}` }),
  needs,
});

/** A failure of that kind. */
export const failureOf = (kind: GatewayError["kind"]) => new GatewayError(kind, "it failed");
