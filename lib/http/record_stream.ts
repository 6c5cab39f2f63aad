import { type Bytes, joinBytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";

/** A piece of an answer that is told as it comes. */
export interface StreamRecord {
  /** What it is about; one word. */
  readonly event: string;
  /** A JSON document on one line. */
  readonly line: Bytes;
}

/** How records are written one after the other. */
export interface RecordFormat {
  readonly mediaType: string;
  write(record: StreamRecord): Bytes;
  /** Written now and then while nothing comes, so that nobody takes the connection for dead. */
  readonly heartbeat?: Bytes;
}

const ENCODER = new TextEncoder();
const LINE_FEED = ENCODER.encode("\n");
const EVENT_END = ENCODER.encode("\n\n");

/** A line for each record. */
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

/** What a stream of records needs. */
export interface RecordStreamOptions {
  readonly records: AsyncGenerator<StreamRecord, void, void>;
  /** The first of them, which has been taken already. */
  readonly first: IteratorResult<StreamRecord, void>;
  readonly format: RecordFormat;
  /** How long nothing may come before a heartbeat does (ms). */
  readonly heartbeatMs: number;
  readonly clock: Clock;
  /** Called when the reader wants no more, to end what the records still wait for. */
  readonly onCancel: () => void;
  /** Called once, when the last record was taken, or there will be none. */
  readonly onEnd: () => void;
}

/** Records as the bytes of an answer. Each is asked for when the reader has room for it. */
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

/** What comes; undefined when it is time for a heartbeat first. */
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
