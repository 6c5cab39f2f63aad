import type { Context } from "./source.ts";
import type { Span } from "./span.ts";
import type { CallRecord } from "./trace.ts";

/** The context of one attempt, to which its record and its span are added when it begins. */
export interface AttemptContext extends Context {
  record: CallRecord | undefined;
  span: Span | undefined;
}
