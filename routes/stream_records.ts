import { parseAccept } from "hono/utils/accept";
import type { Clock } from "../lib/core/clock.ts";
import { DEFAULTS } from "../lib/core/defaults.ts";
import { GatewayError } from "../lib/core/errors.ts";
import { FieldList } from "../lib/core/field_list.ts";
import {
  EVENT_STREAM,
  NDJSON,
  type RecordFormat,
  recordStream,
  type StreamRecord,
} from "../lib/http/record_stream.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import { Scope } from "../lib/core/scope.ts";
import type { Exchange } from "../middleware/exchange.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";
import { responseStream } from "./response_body.ts";

const FORMATS = new Map([NDJSON, EVENT_STREAM].map((format) => [format.mediaType, format]));
/** The type of one whole document. */
const WHOLE = "application/json";
const ANYTHING = "*/*";
const TYPES = [WHOLE, ...FORMATS.keys()];

/** The record format that the client accepts; undefined when it wants one document. */
export function formatOf(c: Exchange): RecordFormat | undefined {
  const accept = c.headers.get("accept");
  if (accept === null || accept === ANYTHING) return undefined;
  return FORMATS.get(mostAccepted(parseAccept(accept)));
}

/** The most preferred type (RFC 9110 section 12.5.1); a wildcard means one whole document. */
function mostAccepted(accepted: readonly { readonly type: string; readonly q: number }[]): string {
  const [best] = accepted
    .map(({ type, q }) => ({ type: type.toLowerCase(), q, isWildcard: type.endsWith("*") }))
    .filter(({ type, q, isWildcard }) => q > 0 && (isWildcard || TYPES.includes(type)))
    .sort((a, b) => b.q - a.q || Number(a.isWildcard) - Number(b.isWildcard));
  return best?.type ?? WHOLE;
}

/** Dependencies of a response that streams records. */
export interface StreamRecordsOptions {
  readonly format: RecordFormat;
  readonly clock: Clock;
  readonly sender: ResponseSender;
  /** Starts the records; the signal aborts when the client leaves or the deadline passes. */
  readonly records: (signal: AbortSignal) => AsyncGenerator<StreamRecord, void, void>;
}

/**
 * Responds with records as they complete. A failure before the first record is a problem document;
 * with the first record the status is sent.
 */
export async function streamRecords(
  c: Exchange,
  { format, clock, sender, records: begin }: StreamRecordsOptions,
): Promise<ResponseDraft> {
  const ended = Promise.withResolvers<void>();
  const scope = new Scope(c.ctx.signal);
  const onEnd = () => {
    scope[Symbol.dispose]();
    ended.resolve();
  };
  const onCancel = () => scope.cancel(new GatewayError("cancelled", "the client went away"));
  try {
    const records = begin(scope.signal);
    const first = await records.next();
    const stream = recordStream({
      records,
      first,
      format,
      heartbeatMs: DEFAULTS.heartbeatMs,
      clock,
      onCancel,
      onEnd,
    });
    c.streaming = ended.promise;
    const isHead = c.method === "HEAD";
    if (isHead) await stream.cancel();
    const body = isHead ? null : c.env.batch ? stream : responseStream(c, stream, sender);
    return new ResponseDraft(body, { headers: FieldList.of(headersOf(format)) });
  } catch (error) {
    onEnd();
    throw error;
  }
}

function headersOf({ mediaType }: RecordFormat): Record<string, string> {
  return {
    "content-type": mediaType,
    // Whether it will be complete is not known yet, so it must not be cached.
    "cache-control": "no-store",
    // Otherwise nginx would buffer the records.
    "x-accel-buffering": "no",
  };
}
