import { assertEquals, assertRejects } from "@std/assert";
import type { Bytes } from "../../../lib/core/bytes.ts";
import { ChunkPieces, PIECE_BYTES, StreamPieces } from "../../../lib/http/pieces.ts";
import { ResponseSender } from "../../../lib/http/response_sender.ts";
import { within } from "../../support/program.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

const TIMEOUT_MS = 1_000;

function numbered(length: number, from = 0): Bytes {
  return Uint8Array.from({ length }, (_, index) => (from + index) % 251);
}

function play() {
  const clock = new ManualClock();
  return { clock, sender: new ResponseSender(clock, TIMEOUT_MS) };
}

Deno.test("a body comes as it is, in pieces that keep nothing else in memory", async () => {
  const { clock, sender } = play();
  const large = numbered(PIECE_BYTES * 2 + 5);
  const chunks = [numbered(3), new Uint8Array(), large, numbered(7)];
  const { stream, ended } = sender.send(new ChunkPieces(chunks));
  const pieces = await within(Array.fromAsync(stream), "all has come");
  assertEquals(await new Blob(pieces).bytes(), await new Blob(chunks).bytes());
  for (const piece of pieces) assertEquals(piece.buffer.byteLength <= PIECE_BYTES, true);
  assertEquals([pieces.length, await within(ended, "it ends"), clock.sleeping], [
    3,
    "sent",
    0,
  ]);
});

Deno.test("a client that does not read is not waited for, and what the body comes from is left", async () => {
  const { clock, sender } = play();
  let left: unknown;
  const origin = new ReadableStream<Bytes>({
    pull: (controller) => controller.enqueue(numbered(10)),
    cancel(reason) {
      left = reason;
    },
  }, { highWaterMark: 0 });
  const { stream, ended } = sender.send(new StreamPieces(origin));
  const reader = stream.getReader();
  for (let read = 0; read < 5; read++) {
    await within(reader.read(), "a piece has come");
    await clock.advance(TIMEOUT_MS * 0.9);
  }
  await clock.advance(TIMEOUT_MS);
  assertEquals(await within(ended, "it ends"), "timeout");
  await assertRejects(() => reader.read().catch((error) => Promise.reject(new Error(error))));
  assertEquals([left, clock.sleeping], ["the client does not read", 0]);
});

Deno.test("a client waits as long as it likes for what is not there yet", async () => {
  const { clock, sender } = play();
  const next = Promise.withResolvers<void>();
  const origin = new ReadableStream<Bytes>({
    async pull(controller) {
      await next.promise;
      controller.enqueue(numbered(10));
      controller.close();
    },
  }, { highWaterMark: 0 });
  const { stream, ended } = sender.send(new StreamPieces(origin));
  const read = Array.fromAsync(stream);
  await settled();
  await clock.advance(TIMEOUT_MS * 100);
  next.resolve();
  assertEquals((await within(read, "all has come")).length, 1);
  assertEquals([await within(ended, "it ends"), clock.sleeping], ["sent", 0]);
});

Deno.test("a body that is never read ends as well", async () => {
  const { clock, sender } = play();
  const { ended } = sender.send(new ChunkPieces([numbered(10)]));
  await clock.advance(TIMEOUT_MS * 1.3);
  assertEquals(await within(ended, "it ends"), "timeout");
});

Deno.test("a client that leaves ends it at once", async () => {
  const { clock, sender } = play();
  const { stream, ended } = sender.send(new ChunkPieces([numbered(10)]));
  await stream.cancel();
  assertEquals([await within(ended, "it ends"), clock.sleeping], ["cancelled", 0]);
});

Deno.test("a body that breaks off fails the response", async () => {
  const { clock, sender } = play();
  const origin = new ReadableStream<Bytes>({ pull: () => Promise.reject(new Error("reset")) });
  const { stream, ended } = sender.send(new StreamPieces(origin));
  await assertRejects(() => within(Array.fromAsync(stream), "it fails"), Error, "reset");
  assertEquals([await within(ended, "it ends"), clock.sleeping], ["cancelled", 0]);
});
