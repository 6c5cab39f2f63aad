import { assert, assertEquals } from "@std/assert";
import type { Problem, ProblemDocument } from "../../lib/http/problem.ts";

/** A record of an answer that is told as it comes, as its reader sees it. */
export interface ReadRecord {
  readonly event: "part" | "problem" | "done";
  readonly part?: string;
  readonly index?: number;
  readonly data?: unknown;
  readonly complete?: boolean;
  readonly problem?: Problem & Partial<ProblemDocument>;
}

/** How records may be asked for. */
export const STREAMS = ["application/x-ndjson", "text/event-stream"] as const;

const SSE_RECORD = /^event: (part|problem|done)\ndata: ([^\r\n]+)\n\n$/;

/** Takes the records of an answer one by one, each as soon as it is here whole. */
export class RecordReader {
  readonly #isEvents: boolean;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    const type = response.headers.get("content-type");
    assertEquals(response.status, 200);
    assert(STREAMS.some((known) => known === type), `${type}`);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("gateway-complete"), null);
    assert(response.body);
    this.#isEvents = type === "text/event-stream";
    this.#reader = response.body.pipeThrough(new TextDecoderStream("utf-8", { fatal: true }))
      .getReader();
  }

  /** The next record; undefined at the end, before which nothing may be left over. */
  async next(): Promise<ReadRecord | undefined> {
    const mark = this.#isEvents ? "\n\n" : "\n";
    while (!this.#text.includes(mark)) {
      const { done, value } = await this.#reader.read();
      if (done) {
        assertEquals(this.#text, "");
        return undefined;
      }
      this.#text += value;
    }
    const end = this.#text.indexOf(mark) + mark.length;
    const record = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    return this.#isEvents ? eventOf(record) : lineOf(record);
  }

  /** All that are still to come. */
  async rest(): Promise<ReadRecord[]> {
    const records: ReadRecord[] = [];
    for (let record = await this.next(); record; record = await this.next()) records.push(record);
    return records;
  }

  /** Leaves, as a client does that has had enough. */
  async leave(): Promise<void> {
    await this.#reader.cancel();
  }
}

function eventOf(text: string): ReadRecord {
  const [, event, line = ""] = SSE_RECORD.exec(text) ?? [];
  const record = lineOf(`${line}\n`);
  assertEquals(event, record.event, text);
  return record;
}

function lineOf(line: string): ReadRecord {
  assert(!line.includes("\r") && line.indexOf("\n") === line.length - 1, line);
  const record: Omit<ReadRecord, "event"> = JSON.parse(line);
  if (record.complete !== undefined) return { event: "done", ...record };
  return { event: record.problem ? "problem" : "part", ...record };
}
