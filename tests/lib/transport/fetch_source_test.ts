import { assertEquals } from "@std/assert";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { systemClock } from "../../../lib/core/clock.ts";
import { openHttpTransport } from "../../../lib/transport/http.ts";
import { testCall, testContext } from "../../support/context.ts";
import { startUpstream } from "../../support/upstream.ts";

const TEXT = "hello";
const CODED = {
  gzip: Uint8Array.from(gzipSync(TEXT)),
  br: Uint8Array.from(brotliCompressSync(TEXT)),
} as const;
const ASKED: readonly Readonly<Record<string, string>>[] = [
  {},
  { "accept-encoding": "" },
  { "accept-encoding": "gzip" },
  { "accept-encoding": "gzip, identity" },
  { "accept-encoding": "identity" },
  { "accept-encoding": "IDENTITY" },
  { "accept-encoding": "identity;q=1" },
  { range: "bytes=0-" },
  { range: "bytes=0-", "accept-encoding": "gzip" },
];

for (const coding of ["gzip", "br"] as const) {
  for (const asked of ASKED) {
    Deno.test(`fetch: ${coding} is decoded or named, asked with ${JSON.stringify(asked)}`, async () => {
      await using upstream = startUpstream(() =>
        new Response(CODED[coding], { headers: { "content-encoding": coding } })
      );
      using transport = openHttpTransport(systemClock);
      const source = transport.source(upstream.url, "fetch");
      const { headers, body } = await source(
        testCall({ headers: new Headers(asked) }),
        testContext(),
      );
      const isNamed = new Headers(headers).get("content-encoding") === coding;
      assertEquals(await body.bytes(100), isNamed ? CODED[coding] : new TextEncoder().encode(TEXT));
    });
  }
}
