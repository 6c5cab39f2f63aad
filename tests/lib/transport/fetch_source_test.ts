import { CERTIFICATES } from "../../support/certificates.ts";
import { assertEquals, assertRejects } from "@std/assert";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { systemClock } from "../../../lib/core/clock.ts";
import { openFetchClients } from "../../../lib/transport/fetch_source.ts";
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

Deno.test("fetch: a session with one server is not resumed with another of the same name", async () => {
  const { ca, good, other, key } = CERTIFICATES;
  const serve = (cert: string) =>
    Deno.serve({ hostname: "127.0.0.1", port: 0, cert, key, onListen() {} }, () => new Response());
  await using right = serve(good);
  await using wrong = serve(other);
  using clients = openFetchClients(1, { ca, own: undefined, serverName: undefined });
  const call = async ({ addr }: { readonly addr: Deno.NetAddr }, client: Deno.HttpClient) => {
    const response = await fetch(`https://localhost:${addr.port}/`, { client });
    await response.body?.cancel();
  };
  for (const client of [clients.pooled, clients.unpooled]) {
    for (let round = 0; round < 5; round++) {
      await call(right, client);
      await assertRejects(() => call(wrong, client));
    }
  }
});
