import { type GatherRecord, partRecord } from "./gather_records.ts";
import { isRecord } from "../core/is_record.ts";
import { JsonDocument } from "../json/json_document.ts";
import { locate } from "../json/locate.ts";
import { kindAt, Members } from "../json/scan.ts";
import { jsonBytes } from "../json/json_bytes.ts";
import type { Reply } from "../core/source.ts";

const DECODER = new TextDecoder();

/**
 * Replays a stored response as records: the failures of optional parts, each part byte for byte, and
 * the last record.
 */
export async function* replayRecords({ body }: Reply): AsyncGenerator<GatherRecord, void, void> {
  const envelope = await body.json(Infinity);
  const document = new JsonDocument(await body.bytes(Infinity), envelope);
  const { data: _, problems: _problems, ...rest } = isRecord(envelope) ? envelope : {};
  const problems = document.at(["problems"]);
  const failed: Record<string, unknown>[] = Array.isArray(problems)
    ? problems.filter(isRecord)
    : [];
  for (const { part, index, ...problem } of failed) {
    yield { event: "problem", line: jsonBytes({ part, index, problem }) };
  }
  const failedParts = new Set(failed.map(({ part }) => part));
  yield* partsOf(document, failedParts);
  yield { event: "done", line: jsonBytes(rest) };
}

function* partsOf(
  { bytes }: JsonDocument,
  failed: ReadonlySet<unknown>,
): Generator<GatherRecord, void, void> {
  const place = locate(bytes, ["data"]);
  if (place === undefined || kindAt(bytes, place.start) !== "object") return;
  const members = new Members(bytes, place.start);
  while (members.next()) {
    const { nameStart, nameEnd, start, end } = members;
    const part = String(JSON.parse(DECODER.decode(bytes.subarray(nameStart, nameEnd))));
    if (!failed.has(part)) yield partRecord(part, bytes.subarray(start, end));
  }
}
