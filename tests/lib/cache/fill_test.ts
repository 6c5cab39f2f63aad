import { assert, assertEquals, assertRejects } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { Fill } from "../../../lib/cache/fill.ts";
import { settled } from "../../support/manual_clock.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

/** A body that a test plays, being kept. */
class Played {
  readonly script = new ScriptedStream();
  readonly body = Body.from({ stream: this.script.stream });
  readonly ends: boolean[] = [];
  readonly filling: Fill;

  constructor(keepBytes = 1_000) {
    this.filling = new Fill(this.body, keepBytes, (isWhole) => {
      this.ends.push(isWhole);
    });
  }

  async deliver(...chunks: (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
    for (const chunk of chunks) {
      await settled();
      this.script.deliver(chunk);
      await settled();
    }
  }

  async end(): Promise<void> {
    await settled();
    this.script.end();
    await settled();
  }
}

function textOf(body: Body): Promise<string> {
  return new Response(body.handOn()).text();
}

Deno.test("a fill reads the body to its end when no client does", async () => {
  const played = new Played();
  await played.deliver("ab", "cd");
  await played.end();
  assertEquals(played.ends, [true]);
  assertEquals(await textOf(Body.of(await played.body.bytes(100))), "abcd");
});

Deno.test("each client gets the whole body, whenever it arrives", async () => {
  const played = new Played();
  const first = textOf(played.filling.open());
  await played.deliver("ab");
  const second = textOf(played.filling.open());
  await played.deliver("cd");
  await played.end();
  assertEquals([await first, await second], ["abcd", "abcd"]);
  assertEquals(await textOf(played.filling.open()), "abcd", "one that comes after the end");
  assertEquals(played.ends, [true]);
});

Deno.test("a client that does not read delays neither the fill nor other clients", async () => {
  const played = new Played();
  const slow = played.filling.open().handOn();
  const fast = textOf(played.filling.open());
  await played.deliver("ab", "cd");
  await played.end();
  assertEquals(await fast, "abcd");
  assertEquals(played.ends, [true]);
  assertEquals(await new Response(slow).text(), "abcd");
});

Deno.test("a client that leaves while it waits for more takes nothing from another", async () => {
  const played = new Played();
  const leaving = new Response(played.filling.open().handOn()).body?.getReader();
  const staying = textOf(played.filling.open());
  await played.deliver("ab");
  assertEquals((await leaving?.read())?.value?.length, 2);
  const waiting = leaving?.read();
  await settled();
  leaving?.cancel();
  await played.deliver("cd", "ef");
  assertEquals(played.script.isCancelled, false);
  await played.end();
  assertEquals(await staying, "abcdef");
  assertEquals((await waiting)?.done, true);
  assertEquals(played.ends, [true]);
});

Deno.test("when every client has left before the end, the fill is cancelled", async () => {
  const played = new Played();
  const readers = [1, 2].map(() => new Response(played.filling.open().handOn()).body?.getReader());
  for (const reader of readers) reader?.read();
  await played.deliver("ab");
  readers[0]?.cancel();
  await settled();
  assert(!played.script.isCancelled);
  readers[1]?.cancel();
  await settled();
  assert(played.script.isCancelled);
  assertEquals(played.ends, [false]);
});

Deno.test("a body too large to store is passed on whole, and not stored", async () => {
  const played = new Played(5);
  const client = textOf(played.filling.open());
  await played.deliver("abc", "def", "ghi");
  assertEquals(played.ends, [false]);
  await played.end();
  assertEquals(await client, "abcdefghi");
});

Deno.test("a body of exactly the largest size is stored", async () => {
  const played = new Played(6);
  await played.deliver("abc", "def");
  await played.end();
  assertEquals(played.ends, [true]);
});

Deno.test("a body too large to store is cancelled when no client reads", async () => {
  const played = new Played(5);
  await played.deliver("abc", "def");
  assertEquals(played.ends, [false]);
  assert(played.script.isCancelled);
});

Deno.test("one that opened a body before it grew too large gets all of it", async () => {
  const MEBIBYTE = new Uint8Array(1024 * 1024);
  const played = new Played(4 * MEBIBYTE.length);
  const first = new Response(played.filling.open().handOn()).arrayBuffer();
  const late = played.filling.open().handOn();
  await played.deliver(MEBIBYTE, MEBIBYTE, MEBIBYTE, MEBIBYTE, MEBIBYTE);
  const second = new Response(late).arrayBuffer();
  await played.deliver(MEBIBYTE);
  await played.end();
  assertEquals((await first).byteLength, 6 * MEBIBYTE.length);
  assertEquals((await second).byteLength, 6 * MEBIBYTE.length);
});

Deno.test("an incomplete body is not stored, and fails for each client", async () => {
  const played = new Played();
  const clients = [1, 2].map(() => textOf(played.filling.open()));
  await played.deliver("ab");
  const refused = clients.map((client) => assertRejects(() => client, Error, "torn"));
  played.script.fail(new Error("torn"));
  await Promise.all(refused);
  assertEquals(played.ends, [false]);
});

Deno.test("a body's length is passed on where it is known", async () => {
  const { stream } = new ScriptedStream();
  const filling = new Fill(Body.from({ stream, length: 7 }), 100, () => {});
  const opened = filling.open();
  assertEquals(opened.length, 7);
  await opened.cancel();
  await settled();
});
