import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { Body, BodyTooLarge } from "../../../lib/core/body.ts";
import { type Bytes, joinBytes } from "../../../lib/core/bytes.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";
import { contentDecoder } from "../../../lib/coding/content_decoder.ts";

const TEXT = "a text that is worth it ".repeat(100);
const PLAIN = new TextEncoder().encode(TEXT);
const GZIP = new Uint8Array(gzipSync(PLAIN));
const BR = new Uint8Array(brotliCompressSync(PLAIN));
const DEFLATE = new Uint8Array(deflateSync(PLAIN));
const RAW = new Uint8Array(deflateRawSync(PLAIN));
const ZSTD = new Uint8Array(zstdCompressSync(PLAIN));
/** A frame of other data, which decoders skip: four bytes. */
const SKIPPED = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4);
const TWICE = new TextEncoder().encode(TEXT + TEXT);
const LIMIT = 64 * 1024;

/** Decodes a body that has arrived, or arrives in pieces. */
async function decoded(
  codings: string,
  coded: Bytes,
  limit: number,
  isWhole: boolean,
): Promise<Bytes> {
  const pieces = [coded.slice(0, 1), coded.slice(1, 20), new Uint8Array(), coded.slice(20)];
  const body = isWhole ? Body.of(coded) : Body.from({ stream: ReadableStream.from(pieces) });
  return await (await contentDecoder(codings)?.(body, limit) ?? body).bytes(limit);
}

const CODED: readonly (readonly [codings: string, coded: Bytes, content?: Bytes])[] = [
  ["gzip", GZIP],
  ["GZip", GZIP],
  ["x-gzip", GZIP],
  ["gzip", joinBytes([GZIP, GZIP]), TWICE],
  ["br", BR],
  ["deflate", DEFLATE],
  ["deflate", RAW],
  ["zstd", ZSTD],
  ["zstd", joinBytes([ZSTD, SKIPPED, ZSTD]), TWICE],
  ["identity, gzip", GZIP],
  ["gzip, br", new Uint8Array(brotliCompressSync(GZIP))],
  ["zstd, deflate, gzip", new Uint8Array(gzipSync(deflateSync(ZSTD)))],
];

for (const [index, [codings, coded, content = PLAIN]] of CODED.entries()) {
  Deno.test(`content decoder: "${codings}" is removed, whole or in pieces (${index})`, async () => {
    for (const isWhole of [true, false]) {
      assertEquals(await decoded(codings, coded, LIMIT, isWhole), content);
    }
  });
}

for (const codings of ["", "identity", " , Identity"]) {
  Deno.test(`content decoder: "${codings}" is no coding`, () => {
    assertEquals(contentDecoder(codings), undefined);
  });
}

const WHOLE = { gzip: GZIP, br: BR, deflate: DEFLATE, "deflate (raw)": RAW, zstd: ZSTD };
for (const [name, coded] of Object.entries(WHOLE)) {
  const coding = name.split(" ", 1)[0] ?? "";
  for (const isWhole of [true, false]) {
    const how = isWhole ? "whole" : "in pieces";
    Deno.test(`content decoder: ${name} that is truncated anywhere fails, ${how}`, async () => {
      for (let length = 1; length < coded.length; length++) {
        await assertRejects(
          () => decoded(coding, coded.slice(0, length), LIMIT, isWhole),
          `${length} of ${coded.length} bytes`,
        );
      }
    });

    Deno.test(`content decoder: ${name} is decoded up to the limit, ${how}`, async () => {
      assertEquals(await decoded(coding, coded, PLAIN.length, isWhole), PLAIN);
      for (const limit of [PLAIN.length - 1, 1000]) {
        await assertRejects(() => decoded(coding, coded, limit, isWhole), BodyTooLarge);
      }
    });

    Deno.test(`content decoder: text that is said to be ${name} fails, ${how}`, async () => {
      await assertRejects(() => decoded(coding, PLAIN, LIMIT, isWhole));
    });

    Deno.test(`content decoder: an empty body is no ${name}, and passes, ${how}`, async () => {
      const empty = decoded(coding, new Uint8Array(), 9, isWhole);
      if (isWhole) assertEquals(await empty, new Uint8Array());
      else await empty.catch(() => {}); // its length was not known
    });

    Deno.test(`content decoder: a flipped byte of ${name} never passes the limit, ${how}`, async () => {
      for (let at = 0; at < coded.length; at++) {
        const flipped = coded.slice();
        flipped[at] = (flipped[at] ?? 0) ^ 0xff;
        const result = await decoded(coding, flipped, 5_000, isWhole).catch(() => undefined);
        assert((result?.length ?? 0) <= 5_000, `byte ${at}`);
      }
    });
  }
}

Deno.test("content decoder: a bomb is not decoded beyond the limit", async () => {
  const zeros = new Uint8Array(64 * 1024 * 1024);
  const bombs = {
    gzip: gzipSync(zeros),
    zstd: zstdCompressSync(zeros),
    br: brotliCompressSync(zeros),
  };
  for (const [coding, bomb] of Object.entries(bombs)) {
    for (const isWhole of [true, false]) {
      const limit = Math.max(LIMIT, bomb.length);
      await assertRejects(
        () => decoded(coding, new Uint8Array(bomb), limit, isWhole),
        BodyTooLarge,
      );
    }
  }
});

Deno.test("content decoder: a stream that is malformed is cancelled", async () => {
  const origin = new ScriptedStream();
  const body = await contentDecoder("gzip")?.(Body.from({ stream: origin.stream }), LIMIT);
  origin.deliver("this is no gzip, however long it becomes");
  await assertRejects(async () => await body?.bytes(LIMIT));
  assert(origin.isCancelled);
});

Deno.test("content decoder: cancelling the body cancels its stream", async () => {
  for (const coding of ["gzip", "deflate", "br", "zstd"]) {
    const origin = new ScriptedStream();
    const body = await contentDecoder(coding)?.(Body.from({ stream: origin.stream }), LIMIT);
    const reading = body?.bytes(LIMIT).catch(() => {});
    await body?.cancel();
    await reading;
    assert(origin.isCancelled, coding);
  }
});

for (const codings of ["compress", "gzip, x", "gzip gzip", "gzip,gzip,gzip,gzip"]) {
  Deno.test(`content decoder: "${codings}" is unknown`, () => {
    const error = assertThrows(() => contentDecoder(codings), GatewayError);
    assertEquals(error.kind, "upstream-invalid");
  });
}
