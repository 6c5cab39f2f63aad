import { assertEquals, assertRejects } from "@std/assert";
import type { GatherRecord } from "../../lib/gather_records.ts";
import { EVENT_STREAM, NDJSON, type RecordFormat, recordStream } from "../../lib/record_stream.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";

const recordOf = (text: string): GatherRecord => ({
  event: "part",
  line: new TextEncoder().encode(text),
});

/** A stream whose records a test gives one by one. */
function play(format: RecordFormat) {
  const clock = new ManualClock();
  const gates: PromiseWithResolvers<GatherRecord | undefined>[] = [];
  const told = { asked: 0, cancelled: 0, ended: 0 };
  const gate = (index: number) => gates[index] ??= Promise.withResolvers();
  async function* generate() {
    while (true) {
      const record = await gate(told.asked++).promise;
      if (record === undefined) return;
      yield record;
    }
  }
  const stream = recordStream({
    records: generate(),
    first: { done: false, value: recordOf("1") },
    format,
    heartbeatMs: 100,
    clock,
    onCancel: () => {
      told.cancelled++;
      gate(told.asked - 1).resolve(undefined);
    },
    onEnd: () => told.ended++,
  });
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  return { clock, gate, told, stream, read: async () => (await reader.read()).value, reader };
}

Deno.test("records are written in their format, and the stream ends with them", async () => {
  const { gate, told, read, clock } = play(NDJSON);
  assertEquals(await read(), "1\n");
  gate(0).resolve(recordOf("2"));
  assertEquals(await read(), "2\n");
  gate(1).resolve(undefined);
  assertEquals(await read(), undefined);
  assertEquals([told.ended, told.cancelled, clock.sleeping], [1, 0, 0]);
});

Deno.test("a stream of events shows that it lives while nothing comes", async () => {
  const { gate, told, read, clock } = play(EVENT_STREAM);
  assertEquals(await read(), "event: part\ndata: 1\n\n");
  for (let beat = 0; beat < 3; beat++) {
    const reading = read();
    await clock.advance(99);
    await clock.advance(1);
    assertEquals(await reading, ":\n\n");
  }
  gate(0).resolve(recordOf("2"));
  assertEquals(await read(), "event: part\ndata: 2\n\n");
  gate(1).resolve(undefined);
  assertEquals(await read(), undefined);
  assertEquals([told.ended, clock.sleeping], [1, 0]);
});

Deno.test("lines of JSON have no heartbeat", async () => {
  const { gate, read, clock } = play(NDJSON);
  await read();
  const reading = read();
  await clock.advance(10_000);
  gate(0).resolve(recordOf("2"));
  assertEquals(await reading, "2\n");
});

Deno.test("a reader that wants no more ends what is waited for", async () => {
  for (const format of [NDJSON, EVENT_STREAM]) {
    const { told, read, reader, clock } = play(format);
    await read();
    const reading = read();
    await settled();
    await reader.cancel();
    await reading.catch(() => {});
    await settled();
    assertEquals([told.cancelled, told.ended > 0, clock.sleeping], [1, true, 0]);
  }
});

Deno.test("what goes wrong in the records breaks the stream off", async () => {
  const { gate, told, read } = play(NDJSON);
  await read();
  gate(0).reject(new Error("no"));
  await assertRejects(read, Error, "no");
  assertEquals(told.ended, 1);
});

Deno.test("no record is asked for before there is room for it", async () => {
  const { told, stream } = play(NDJSON);
  await settled();
  assertEquals([stream.locked, told.asked], [true, 0]);
});
