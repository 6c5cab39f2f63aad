import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { Body, BodyTooLarge } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { decodedBody } from "../../../lib/http/content_coding.ts";

const TEXT = "a text that is worth it ".repeat(100);
const PLAIN = new TextEncoder().encode(TEXT);
const GZIP = new Uint8Array(gzipSync(PLAIN));
const BR = new Uint8Array(brotliCompressSync(PLAIN));
const CODED: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  "gzip": GZIP,
  "GZip": GZIP,
  "x-gzip": GZIP,
  "br": BR,
  "identity": PLAIN,
  "": PLAIN,
  "gzip, br": new Uint8Array(brotliCompressSync(GZIP)),
};

/** The bytes as they come over a wire, in pieces. */
function inPieces(bytes: Uint8Array<ArrayBuffer>): Body {
  const pieces = [bytes.slice(0, 7), bytes.slice(7)];
  return Body.from({ stream: ReadableStream.from(pieces) });
}

for (const [codings, bytes] of Object.entries(CODED)) {
  Deno.test(`content coding: "${codings}" is taken off, whole or in pieces`, async () => {
    for (const body of [Body.of(bytes), inPieces(bytes)]) {
      assertEquals(await decodedBody(body, codings).bytes(64 * 1024), PLAIN);
    }
  });
}

for (const coding of ["gzip", "br"]) {
  const bytes = CODED[coding] ?? PLAIN;
  const bad = {
    "plain text": PLAIN,
    "half of it": bytes.slice(0, bytes.length / 2),
    "all but the last byte": bytes.slice(0, -1),
  };
  for (const [what, coded] of Object.entries(bad)) {
    Deno.test(`content coding: ${what}, said to be ${coding}, fails`, async () => {
      for (const body of [Body.of(coded), inPieces(coded)]) {
        await assertRejects(() => decodedBody(body, coding).bytes(64 * 1024));
      }
    });
  }
}

Deno.test("content coding: the limit counts what was decoded", async () => {
  await assertRejects(() => decodedBody(Body.of(GZIP), "gzip").bytes(1000), BodyTooLarge);
});

Deno.test("content coding: a body without bytes has none", async () => {
  assertEquals(await decodedBody(Body.of(new Uint8Array()), "gzip").bytes(9), new Uint8Array());
});

for (
  const codings of ["zstd", "deflate", "compress", "gzip, x", "gzip gzip", "gzip,gzip,gzip,gzip"]
) {
  Deno.test(`content coding: "${codings}" is not known`, () => {
    const error = assertThrows(() => decodedBody(Body.of(PLAIN), codings), GatewayError);
    assertEquals(error.kind, "upstream-invalid");
  });
}
