import { type Trace, traceIdOf } from "../core/trace.ts";
import type { LogFacts } from "./log_entry.ts";

/** What the log says of a request in each of its lines. */
export function requestFacts(trace: Trace): LogFacts {
  return { id: trace.id, traceId: traceIdOf(trace), route: trace.route };
}
