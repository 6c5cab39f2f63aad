import { SUPPRESSED } from "../core/span.ts";

const { contextManager } = Deno.telemetry;
const CONTEXT = contextManager.active().setValue(SUPPRESSED, true);

/**
 * Runs a function whose `fetch` makes no span and adds no headers: attempts have spans of their own,
 * and Deno would append its `traceparent` to the attempt's.
 */
export function withoutSpans<T>(work: () => T): T {
  return contextManager.with(CONTEXT, work);
}
