import { assertEquals, assertRejects } from "@std/assert";
import type { GatherRecord } from "../../../lib/gather/gather_records.ts";
import {
  EVENT_STREAM,
  NDJSON,
  type RecordFormat,
  recordStream,
} from "../../../lib/http/record_stream.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

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

Deno.test("no record is requested before there is room for it", async () => {
  const { told, stream } = play(NDJSON);
  await settled();
  assertEquals([stream.locked, told.asked], [true, 0]);
});

/** A stream over records that a test makes as it likes. */
function streamOf(
  records: AsyncGenerator<GatherRecord, void, void>,
  format: RecordFormat,
  more: { readonly onCancel?: () => void; readonly first?: GatherRecord } = {},
) {
  const clock = new ManualClock();
  const told = { cancelled: 0, ended: 0 };
  const stream = recordStream({
    records,
    first: more.first ? { done: false, value: more.first } : { done: true, value: undefined },
    format,
    heartbeatMs: 100,
    clock,
    onCancel: () => {
      told.cancelled++;
      more.onCancel?.();
    },
    onEnd: () => told.ended++,
  });
  return { clock, told, reader: stream.getReader() };
}

Deno.test("a stream without a record ends at once", async () => {
  async function* none(): AsyncGenerator<GatherRecord, void, void> {}
  for (const format of [NDJSON, EVENT_STREAM]) {
    const { clock, told, reader } = streamOf(none(), format);
    assertEquals((await reader.read()).done, true);
    assertEquals([told, clock.sleeping], [{ cancelled: 0, ended: 1 }, 0]);
  }
});

for (const format of [NDJSON, EVENT_STREAM]) {
  Deno.test(`no heartbeat stands between records that come in time: ${format.mediaType}`, async () => {
    const { gate, read, clock } = play(format);
    const texts = [await read()];
    for (const [index, text] of ["2", "3", "4"].entries()) {
      const reading = read();
      await clock.advance(99);
      gate(index).resolve(recordOf(text));
      texts.push(await reading);
    }
    assertEquals(texts.map((text = "") => /\d/.exec(text)?.[0]), ["1", "2", "3", "4"]);
    assertEquals(clock.sleeping, 0);
  });

  Deno.test(`each record is asked for when the reader wants it: ${format.mediaType}`, async () => {
    const { gate, told, read, clock } = play(format);
    for (let index = 0; index < 3; index++) gate(index).resolve(recordOf(`${index + 2}`));
    // The decoder between asks for one more than was read.
    await read();
    await settled();
    assertEquals(told.asked, 1);
    await clock.advance(1000);
    assertEquals(told.asked, 1);
    await read();
    await settled();
    assertEquals(told.asked, 2);
  });
}

Deno.test("a heartbeat does not request the next record again", async () => {
  const { gate, told, read, clock } = play(EVENT_STREAM);
  await read();
  for (let beat = 0; beat < 2; beat++) {
    const reading = read();
    await clock.advance(100);
    await reading;
  }
  assertEquals(told.asked, 1);
  gate(0).resolve(recordOf("2"));
  assertEquals(await read(), "event: part\ndata: 2\n\n");
});

Deno.test("an event is named by its record, and its data stands on one line", async () => {
  async function* done(): AsyncGenerator<GatherRecord, void, void> {
    yield { event: "problem", line: recordOf("{}").line };
    yield { event: "done", line: recordOf("[]").line };
  }
  const { reader } = streamOf(done(), EVENT_STREAM, { first: recordOf("1") });
  const texts: string[] = [];
  for (let { value } = await reader.read(); value; { value } = await reader.read()) {
    texts.push(new TextDecoder().decode(value));
  }
  assertEquals(texts, [
    "event: part\ndata: 1\n\n",
    "event: problem\ndata: {}\n\n",
    "event: done\ndata: []\n\n",
  ]);
});

Deno.test("what goes wrong between heartbeats breaks the stream off, and no timer stays", async () => {
  const { gate, told, read, clock } = play(EVENT_STREAM);
  await read();
  const reading = read();
  await clock.advance(100);
  await reading;
  gate(0).reject(new Error("no"));
  await assertRejects(read, Error, "no");
  assertEquals([told.ended, clock.sleeping], [1, 0]);
});

for (const format of [NDJSON, EVENT_STREAM]) {
  Deno.test(`cancelling waits until the records have ended: ${format.mediaType}`, async () => {
    const cleanUp = Promise.withResolvers<void>();
    let hasEnded = false;
    async function* records(): AsyncGenerator<GatherRecord, void, void> {
      try {
        yield recordOf("2");
      } finally {
        await cleanUp.promise;
        hasEnded = true;
      }
    }
    const { told, reader, clock } = streamOf(records(), format, { first: recordOf("1") });
    await reader.read();
    await reader.read();
    let isCancelled = false;
    const cancelling = reader.cancel().then(() => isCancelled = true);
    await settled();
    assertEquals([isCancelled, told.cancelled, told.ended], [false, 1, 0]);
    cleanUp.resolve();
    await cancelling;
    assertEquals([hasEnded, told, clock.sleeping], [true, { cancelled: 1, ended: 1 }, 0]);
  });

  Deno.test(`cancelling before anything was read ends it too: ${format.mediaType}`, async () => {
    const { told, reader, clock } = play(format);
    await reader.cancel();
    await settled();
    assertEquals([told, clock.sleeping], [{ asked: 0, cancelled: 1, ended: 1 }, 0]);
  });

  Deno.test(`its end is told once, when all has ended: ${format.mediaType}`, async () => {
    const left = Promise.withResolvers<void>();
    const cleanUp = Promise.withResolvers<void>();
    async function* records(): AsyncGenerator<GatherRecord, void, void> {
      try {
        await left.promise;
        yield recordOf("2");
      } finally {
        await cleanUp.promise;
      }
    }
    const { told, reader, clock } = streamOf(records(), format, {
      first: recordOf("1"),
      onCancel: left.resolve,
    });
    await reader.read();
    const reading = reader.read();
    await settled();
    const cancelling = reader.cancel();
    await reading;
    await clock.advance(1000);
    assertEquals(told, { cancelled: 1, ended: 0 });
    cleanUp.resolve();
    await cancelling;
    await settled();
    assertEquals([told, clock.sleeping], [{ cancelled: 1, ended: 1 }, 0]);
  });
}

Deno.test("a heartbeat that comes after the reader has left ends nothing early", async () => {
  const cleanUp = Promise.withResolvers<void>();
  // deno-lint-ignore require-yield
  async function* records(): AsyncGenerator<GatherRecord, void, void> {
    await cleanUp.promise;
  }
  const { told, reader, clock } = streamOf(records(), EVENT_STREAM, { first: recordOf("1") });
  await reader.read();
  const reading = reader.read();
  await settled();
  const cancelling = reader.cancel();
  await reading;
  await clock.advance(1000);
  assertEquals(told, { cancelled: 1, ended: 0 });
  cleanUp.resolve();
  await cancelling;
  await settled();
  assertEquals([told, clock.sleeping], [{ cancelled: 1, ended: 1 }, 0]);
});

Deno.test("records that cannot be ended are over all the same", async () => {
  async function* records(): AsyncGenerator<GatherRecord, void, void> {
    try {
      yield recordOf("2");
    } finally {
      // deno-lint-ignore no-unsafe-finally
      throw new Error("no");
    }
  }
  const { told, reader } = streamOf(records(), NDJSON, { first: recordOf("1") });
  await reader.read();
  await reader.read();
  await reader.cancel().catch(() => {});
  assertEquals(told, { cancelled: 1, ended: 1 });
});

Deno.test("records that break because the reader has left end once", async () => {
  const left = Promise.withResolvers<void>();
  async function* records(): AsyncGenerator<GatherRecord, void, void> {
    yield recordOf("2");
    await left.promise;
    throw new Error("left");
  }
  const { told, reader } = streamOf(records(), NDJSON, {
    first: recordOf("1"),
    onCancel: left.resolve,
  });
  await reader.read();
  await reader.read();
  const reading = reader.read();
  await settled();
  await Promise.all([reader.cancel(), reading]);
  await settled();
  assertEquals(told, { cancelled: 1, ended: 1 });
});
