import { type Bytes, joinBytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";

/** A record of a streamed response. */
export interface StreamRecord {
  /** Its event name, one word. */
  readonly event: string;
  /** A JSON document on one line. */
  readonly line: Bytes;
}

/** The format of a stream of records. */
export interface RecordFormat {
  readonly mediaType: string;
  write(record: StreamRecord): Bytes;
  /** Sent while the stream is idle, to keep the connection alive. */
  readonly heartbeat?: Bytes;
}

const ENCODER = new TextEncoder();
const LINE_FEED = ENCODER.encode("\n");
const EVENT_END = ENCODER.encode("\n\n");

/** Newline-delimited JSON. */
export const NDJSON: RecordFormat = {
  mediaType: "application/x-ndjson",
  write: ({ line }) => joinBytes([line, LINE_FEED]),
};

/** Server-sent events (WHATWG HTML, section 9.2). */
export const EVENT_STREAM: RecordFormat = {
  mediaType: "text/event-stream",
  write: ({ event, line }) =>
    joinBytes([ENCODER.encode(`event: ${event}\ndata: `), line, EVENT_END]),
  heartbeat: ENCODER.encode(":\n\n"),
};

/** Options of a record stream. */
export interface RecordStreamOptions {
  readonly records: AsyncGenerator<StreamRecord, void, void>;
  /** The first record, which has already been read. */
  readonly first: IteratorResult<StreamRecord, void>;
  readonly format: RecordFormat;
  /** Idle time before a heartbeat (ms). */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** Called when the reader cancels, to abort pending work. */
  readonly onCancel: () => void;
  /** Called once, after the last record or a cancellation. */
  readonly onEnd: () => void;
}

/** Encodes records as the bytes of a response, each pulled when the reader has room. */
export function recordStream(options: RecordStreamOptions): ReadableStream<Bytes> {
  const { records, first, format, onCancel, onEnd } = options;
  let coming: Promise<IteratorResult<StreamRecord, void>> | undefined = Promise.resolve(first);
  let isCancelled = false;
  return new ReadableStream<Bytes>({
    async pull(controller) {
      coming ??= records.next();
      try {
        const result = await soon(coming, options);
        if (isCancelled) return;
        if (result === undefined) return controller.enqueue(format.heartbeat);
        coming = undefined;
        if (!result.done) return controller.enqueue(format.write(result.value));
        controller.close();
        onEnd();
      } catch (error) {
        if (isCancelled) return;
        controller.error(error);
        onEnd();
      }
    },
    async cancel() {
      isCancelled = true;
      onCancel();
      try {
        await records.return();
      } finally {
        onEnd();
      }
    },
  }, { highWaterMark: 0 });
}

/** Returns the next record; undefined if a heartbeat is due first. */
async function soon<T>(
  coming: Promise<T>,
  { format, heartbeatMs, clock }: RecordStreamOptions,
): Promise<T | undefined> {
  if (format.heartbeat === undefined) return await coming;
  const timer = new AbortController();
  const beat = clock.sleep(heartbeatMs, timer.signal).then(() => undefined, () => undefined);
  try {
    return await Promise.race([coming, beat]);
  } finally {
    timer.abort();
  }
}
