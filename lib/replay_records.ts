import type { GatherRecord } from "./gather_records.ts";
import { isRecord } from "./is_record.ts";
import { jsonBytes } from "./json_bytes.ts";
import type { Reply } from "./source.ts";

/**
 * A whole answer that was kept, told as it might have come: what failed that was not needed, each
 * part, then that it is complete.
 */
export async function* replayRecords({ body }: Reply): AsyncGenerator<GatherRecord, void, void> {
  const envelope = await body.json(Infinity);
  const { data, problems, ...rest } = isRecord(envelope) ? envelope : {};
  const failed: Record<string, unknown>[] = Array.isArray(problems)
    ? problems.filter(isRecord)
    : [];
  for (const { part, index, ...problem } of failed) {
    yield { event: "problem", line: jsonBytes({ part, index, problem }) };
  }
  const failedParts = new Set(failed.map(({ part }) => part));
  for (const [part, value] of Object.entries(isRecord(data) ? data : {})) {
    if (!failedParts.has(part)) yield { event: "part", line: jsonBytes({ part, data: value }) };
  }
  yield { event: "done", line: jsonBytes(rest) };
}
