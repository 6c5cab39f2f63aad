import { assert, assertEquals, assertRejects } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { type Bytes, joinBytes } from "../../../lib/core/bytes.ts";
import { CODINGS } from "../../../lib/coding/codings.ts";
import { contentDecoder } from "../../../lib/coding/content_decoder.ts";
import { encode, encodeStream } from "../../../lib/coding/encode.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";
import { Random } from "../../support/random.ts";

const text = (words: number) => new TextEncoder().encode("a word, and another; ".repeat(words));

async function decoded(coding: string, coded: Bytes): Promise<Bytes | undefined> {
  return await (await contentDecoder(coding)?.(Body.of(coded), 2_000_000))?.bytes(2_000_000);
}

/** Bytes that do not shrink. */
function noise(length: number): Bytes {
  const random = new Random(1);
  return Uint8Array.from({ length }, () => random.int(0, 255));
}

for (const coding of CODINGS) {
  Deno.test(`encode: ${coding} of bodies of all sizes can be decoded`, async () => {
    for (
      const body of [text(1), text(100), text(3_120), text(3_121), text(50_000), noise(200_000)]
    ) {
      const coded = await encode(body, coding);
      assertEquals(await decoded(coding, coded), body);
      assertEquals(coded.buffer.byteLength, coded.length, "it retains no larger buffer");
    }
  });

  Deno.test(`encode: ${coding} of a stream can be decoded`, async () => {
    const pieces = [text(2), new Uint8Array(), text(50), noise(100_000), text(1)];
    const coded: Bytes[] = [];
    for await (const chunk of encodeStream(ReadableStream.from(pieces), coding)) coded.push(chunk);
    const whole = joinBytes(pieces);
    assertEquals(await decoded(coding, joinBytes(coded)), whole);
  });

  Deno.test(`encode: ${coding} of an empty stream is an empty body`, async () => {
    const coded: Bytes[] = [];
    for await (const chunk of encodeStream(ReadableStream.from([]), coding)) coded.push(chunk);
    assertEquals(await decoded(coding, joinBytes(coded)), new Uint8Array());
  });

  Deno.test(`encode: ${coding} of a stream holds nothing back, and reads nothing ahead`, async () => {
    let pulls = 0;
    let piece: Bytes | undefined;
    const stream = new ReadableStream<Bytes>({
      pull(controller) {
        pulls++;
        controller.enqueue(text(pulls));
      },
    }, { highWaterMark: 0 });
    const reader = encodeStream(stream, coding).getReader();
    const coded: Bytes[] = [];
    for (let record = 1; record <= 5; record++) {
      ({ value: piece } = await reader.read());
      coded.push(piece ?? new Uint8Array());
      assertEquals(pulls, record);
      assertEquals(await decodedSoFar(coding, coded), joinBytes(expected(record)));
    }
    await reader.cancel();
  });

  Deno.test(`encode: a ${coding} stream whose source fails, fails`, async () => {
    const origin = new ScriptedStream();
    const reader = encodeStream(origin.stream, coding).getReader();
    origin.deliver("some text");
    assert((await reader.read()).value);
    origin.fail(new Error("broke off"));
    await assertRejects(() => reader.read(), Error, "broke off");
  });

  Deno.test(`encode: cancelling a ${coding} stream cancels its source`, async () => {
    for (const isBegun of [true, false]) {
      const origin = new ScriptedStream();
      const reader = encodeStream(origin.stream, coding).getReader();
      origin.deliver("some text");
      if (isBegun) await reader.read();
      await reader.cancel();
      assert(origin.isCancelled);
    }
  });
}

function expected(records: number): Bytes[] {
  return Array.from({ length: records }, (_, index) => text(index + 1));
}

/** What a client can decode of the bytes that have arrived. */
async function decodedSoFar(coding: string, coded: readonly Bytes[]): Promise<Bytes> {
  const zlib = await import("node:zlib");
  const { Z_SYNC_FLUSH } = zlib.constants;
  const bytes = joinBytes(coded);
  // These functions decode what there is of a body that has not ended.
  if (coding === "gzip") {
    return new Uint8Array(zlib.gunzipSync(bytes, { finishFlush: Z_SYNC_FLUSH }));
  }
  if (coding === "br") return new Uint8Array(zlib.brotliDecompressSync(bytes));
  return await streamed(zlib.createZstdDecompress(), bytes);
}

function streamed(decoder: import("node:stream").Transform, bytes: Bytes): Promise<Bytes> {
  const chunks: Bytes[] = [];
  decoder.on("data", (chunk) => chunks.push(new Uint8Array(chunk)));
  return new Promise((resolve) => {
    decoder.write(bytes, () => {
      decoder.destroy();
      resolve(joinBytes(chunks));
    });
  });
}
