import { assert, assertEquals } from "@std/assert";
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { request } from "node:http";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { ask } from "../support/responses.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

const LONG = JSON.stringify({ text: "some text, and more of it; ".repeat(1000) });
const HUGE = JSON.stringify({ text: "some text, and more of it; ".repeat(20_000) });
const DECODERS = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
const CODINGS = ["gzip", "br", "zstd"] as const;

type Fields = Readonly<Record<string, string>>;

/** An upstream of JSON that may be stored and has an ETag; `/short`, `/huge` and `/chunked` differ. */
function startApi(): TestUpstream {
  return startUpstream((request) => {
    const headers = {
      "content-type": "application/json",
      "cache-control": "max-age=60",
      etag: '"v1"',
    };
    if (request.headers.get("if-none-match")?.includes('"v1"')) {
      return new Response(null, { status: 304, headers });
    }
    const { pathname } = new URL(request.url);
    if (pathname.endsWith("/failed")) return new Response("x", { status: 500 });
    const text = pathname.endsWith("/short") ? "{}" : pathname.endsWith("/huge") ? HUGE : LONG;
    const isChunked = pathname.endsWith("/chunked");
    const body = isChunked ? ReadableStream.from([new TextEncoder().encode(text)]) : text;
    return new Response(body, { headers });
  });
}

function startRoutes({ url }: TestUpstream, config: Partial<GatewayConfig> = {}): TestGateway {
  const gather = { it: { from: "up", path: "/{id}" } } as const;
  return startGateway({
    upstreams: { up: { url }, stored: { url, cache: {} } },
    ...config,
    routes: {
      "GET /whole/:id": { gather },
      "GET /stored/:id": { gather, cache: { ttl: "1m" } },
      "GET /off/:id": { gather, compress: false },
      "GET /on/:id": { gather, compress: true },
      "GET /forward/*": { forward: { to: "stored", strip: "/forward" } },
      "GET /plain/*": { forward: { to: "up", strip: "/plain" } },
      "GET /coded/*": { forward: { to: "up", strip: "/coded" }, compress: true },
      "POST /batch": { batch: {} },
    },
  });
}

interface Got {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A response as it comes over the wire, which fetch would decode. */
function get(
  url: string,
  fields: Fields,
  init: { method?: string; body?: string } = {},
): Promise<Got> {
  const { method = "GET", body } = init;
  const headers = { "accept-encoding": "identity", connection: "close", ...fields };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk) => chunks.push(chunk)).on("error", reject).on(
        "end",
        () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: new Headers(
              Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
            ),
            bytes: new Uint8Array(Buffer.concat(chunks)),
          }),
      );
    });
    sent.on("error", reject).end(body);
  });
}

function decoded({ headers, bytes }: Got): string {
  const coding = CODINGS.find((coding) => coding === headers.get("content-encoding"));
  return new TextDecoder().decode(coding ? DECODERS[coding](bytes) : bytes);
}

const accepting = (coding: string): Fields => ({ "accept-encoding": coding });
const varies = ({ headers }: Got) => /(^|, )Accept-Encoding($|,)/i.test(headers.get("vary") ?? "");

for (
  const path of [
    "/whole/a",
    "/stored/a",
    "/whole/huge",
    "/stored/huge",
    "/forward/a",
    "/forward/huge",
    "/coded/a",
    "/coded/chunked",
  ]
) {
  Deno.test(`compression: ${path} comes in the coding that the client accepts, twice`, async () => {
    await using upstream = startApi();
    await using gateway = startRoutes(upstream);
    const plain = await get(gateway.url + path, {});
    assert(varies(plain), "also without a coding");
    assertEquals(plain.headers.get("content-encoding"), null);
    for (const coding of [...CODINGS, ...CODINGS]) {
      const got = await get(gateway.url + path, accepting(coding));
      assertEquals([got.status, got.headers.get("content-encoding")], [200, coding]);
      assert(varies(got));
      assertEquals(decoded(got), decoded(plain));
      assert(got.bytes.length < plain.bytes.length / 10);
      const length = got.headers.get("content-length");
      assert(length === null || length === String(got.bytes.length), String(length));
      const etag = plain.headers.get("etag");
      assertEquals(got.headers.get("etag"), etag && `W/${etag}`);
    }
  });
}

for (const path of ["/stored/a", "/forward/a", "/coded/a"]) {
  Deno.test(`compression: ${path} is 304 for the ETag of either form`, async () => {
    await using upstream = startApi();
    await using gateway = startRoutes(upstream);
    const coded = (await get(gateway.url + path, accepting("gzip"))).headers.get("etag") ?? "";
    const plain = (await get(gateway.url + path, {})).headers.get("etag") ?? "";
    assertEquals(coded, `W/${plain}`);
    for (const [etag, coding] of [[coded, "gzip"], [plain, "identity"], [plain, "gzip"]]) {
      const fields = { "if-none-match": etag ?? "", ...accepting(coding ?? "") };
      const got = await get(gateway.url + path, fields);
      assertEquals([got.status, got.headers.get("etag"), got.bytes.length], [304, etag, 0]);
      assertEquals(got.headers.get("content-encoding"), null);
      assert(varies(got));
    }
  });
}

Deno.test("compression: a stored response is encoded once, and the operator sees its memory", async () => {
  await using upstream = startApi();
  await using gateway = startRoutes(upstream);
  const codedBodies = async () => (await (await ask(`${gateway.url}/_gateway/cache`)).json()).coded;
  assertEquals(await codedBodies(), { bodies: 0, bytes: 0 });
  const lengths = new Set<number>();
  for (let turn = 0; turn < 3; turn++) {
    lengths.add((await get(`${gateway.url}/stored/a`, accepting("gzip"))).bytes.length);
  }
  const { bodies, bytes } = await codedBodies();
  const [length = 0, ...others] = lengths;
  assertEquals([bodies, others], [1, []]);
  assert(bytes >= length && bytes < length + 1000);
  await (await ask(`${gateway.url}/_gateway/cache?all`, {
    method: "DELETE",
    headers: { "x-gateway-operator": "1" },
  })).body?.cancel();
  assertEquals(await codedBodies(), { bodies: 0, bytes: 0 });
  assertEquals(upstream.requests.length, 1);
});

Deno.test("compression: one stored response serves every client, whatever the upstream varies by", async () => {
  const accepted: (string | null)[] = [];
  await using upstream = startUpstream((request) => {
    accepted.push(request.headers.get("accept-encoding"));
    return new Response(LONG, {
      headers: {
        "content-type": "application/json",
        "cache-control": "max-age=60",
        vary: "Accept-Encoding",
      },
    });
  });
  await using gateway = startRoutes(upstream);
  for (const coding of ["gzip", "br, gzip", "identity", "*"]) {
    const got = await get(`${gateway.url}/forward/a`, accepting(coding));
    assertEquals([decoded(got), got.headers.get("vary")], [LONG, "Accept-Encoding"]);
  }
  assertEquals(accepted, ["identity"]);
});

Deno.test("compression: ranges of a stored response are of its uncoded form", async () => {
  await using upstream = startApi();
  await using gateway = startRoutes(upstream);
  const coded = await get(`${gateway.url}/forward/a`, accepting("gzip"));
  assertEquals(coded.headers.get("accept-ranges"), null);
  const range = { range: "bytes=0-9", ...accepting("gzip") };
  const part = await get(`${gateway.url}/forward/a`, range);
  assertEquals([part.status, decoded(part)], [206, LONG.slice(0, 10)]);
  assertEquals(part.headers.get("content-encoding"), null);
  assertEquals(part.headers.get("etag"), '"v1"');
  // A weak ETag matches no If-Range: the client must not join bytes of both forms.
  const ifRange = await get(`${gateway.url}/forward/a`, { ...range, "if-range": 'W/"v1"' });
  assertEquals([ifRange.status, ifRange.headers.get("content-encoding")], [200, "gzip"]);
});

for (
  const path of [
    "/whole/a",
    "/stored/a",
    "/forward/a",
    "/coded/a",
    "/whole/short",
    "/forward/short",
  ]
) {
  Deno.test(`compression: HEAD ${path} has the headers of GET`, async () => {
    await using upstream = startApi();
    await using gateway = startRoutes(upstream);
    for (let turn = 0; turn < 2; turn++) {
      const got = await get(gateway.url + path, accepting("gzip"));
      const head = await get(gateway.url + path, accepting("gzip"), { method: "HEAD" });
      for (const name of ["content-encoding", "etag", "vary", "content-type"]) {
        assertEquals(head.headers.get(name), got.headers.get(name), name);
      }
      const length = head.headers.get("content-length");
      const isCoded = got.headers.has("content-encoding");
      assertEquals(length, isCoded ? null : String(got.bytes.length));
    }
  });
}

Deno.test("compression: short responses, and routes without it, stay as they are", async () => {
  await using upstream = startApi();
  await using gateway = startRoutes(upstream);
  for (const path of ["/whole/short", "/off/a", "/plain/a", "/forward/short"]) {
    const got = await get(gateway.url + path, accepting("gzip, br, zstd"));
    assertEquals(got.headers.get("content-encoding"), null, path);
    assert(!varies(got), path);
    assertEquals(got.headers.get("content-length"), String(got.bytes.length));
  }
});

Deno.test("compression: off in the gateway, a route can turn it on", async () => {
  await using upstream = startApi();
  await using gateway = startRoutes(upstream, { compress: false });
  for (
    const [path, coding] of [["/whole/a", null], ["/forward/a", null], ["/on/a", "gzip"], [
      "/coded/a",
      "gzip",
    ]]
  ) {
    const got = await get(`${gateway.url}${path}`, accepting("gzip"));
    assertEquals(got.headers.get("content-encoding"), coding ?? null, String(path));
  }
});

Deno.test("compression: a long problem document is compressed, unless its route is not", async () => {
  await using upstream = startApi();
  const ids = Array.from({ length: 20 }, (_, index) => `part${index}`);
  const gather = Object.fromEntries(
    ids.map((id) => [id, { from: "up", path: "/failed", params: { id }, optional: true } as const]),
  );
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: { "GET /on": { gather }, "GET /off": { gather, compress: false } },
  });
  const strict = { prefer: "handling=strict", ...accepting("gzip") };
  const [on, off] = [
    await get(`${gateway.url}/on`, strict),
    await get(`${gateway.url}/off`, strict),
  ];
  assertEquals([on.status, on.headers.get("content-encoding"), varies(on)], [502, "gzip", true]);
  assertEquals([off.status, off.headers.get("content-encoding"), varies(off)], [502, null, false]);
  assertEquals(JSON.parse(decoded(on)).status, 502);
  const head = await get(`${gateway.url}/on`, strict, { method: "HEAD" });
  assertEquals([head.status, head.headers.get("content-encoding")], [502, "gzip"]);
});

Deno.test("compression: a batch is compressed, and none of the responses in it", async () => {
  await using upstream = startApi();
  await using gateway = startRoutes(upstream);
  const paths = ["/whole/a", "/stored/a", "/forward/a", "/plain/b", "/coded/c"];
  const got = await get(`${gateway.url}/batch`, {
    "content-type": "application/json",
    ...accepting("gzip"),
  }, {
    method: "POST",
    body: JSON.stringify({ requests: paths.map((path) => ({ path })) }),
  });
  assertEquals([got.headers.get("content-encoding"), varies(got)], ["gzip", true]);
  for (const { status, headers, body } of JSON.parse(decoded(got)).responses) {
    assertEquals([status, headers["content-encoding"], typeof body], [200, undefined, "object"]);
  }
  const forwarded = upstream.requests.map(({ headers }) => headers)
    .filter((headers) => headers.has("x-forwarded-for"));
  assertEquals(
    forwarded.map((headers) => headers.get("accept-encoding")),
    Array(3).fill("identity"),
  );
});

Deno.test("compression: what the upstream has compressed passes untouched, whatever the route says", async () => {
  const coded = new Uint8Array(gzipSync(LONG, { level: 1 }));
  await using upstream = startUpstream(({ headers }) =>
    new Response(coded, {
      headers: {
        "content-type": "application/json",
        "content-encoding": "gzip",
        etag: '"g"',
        "x-accepted": headers.get("accept-encoding") ?? "",
      },
    })
  );
  await using gateway = startRoutes(upstream);
  for (const path of ["/plain/a", "/coded/a"]) {
    const got = await get(gateway.url + path, accepting("gzip, zstd;q=0.5"));
    assertEquals(got.bytes, coded);
    assertEquals(got.headers.get("content-encoding"), "gzip");
    assertEquals(got.headers.get("content-length"), String(coded.length));
    assertEquals([got.headers.get("etag"), got.headers.get("vary")], ['"g"', null]);
    assertEquals(got.headers.get("x-accepted"), "gzip, zstd;q=0.5");
  }
});

for (const type of ["text/event-stream", "application/x-ndjson", "application/json"]) {
  Deno.test(`compression: each record of a forwarded ${type} arrives when it is written`, async () => {
    const records = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = records.writable.getWriter();
    await using upstream = startUpstream(() =>
      new Response(records.readable, { headers: { "content-type": type } })
    );
    await using gateway = startRoutes(upstream);
    const writing = writer.write(new TextEncoder().encode("data: 0\n\n"));
    const response = await ask(`${gateway.url}/coded/a`, { headers: accepting("gzip") });
    await writing;
    const isCoded = type === "application/json";
    assertEquals(response.headers.get("content-encoding"), isCoded ? "gzip" : null);
    assert(response.body);
    const next = textsOf(response.body); // decoded by fetch as it arrives
    for (let record = 0; record < 5; record++) {
      if (record > 0) await writer.write(new TextEncoder().encode(`data: ${record}\n\n`));
      assertEquals(await next(), `data: ${record}\n\n`);
    }
    await writer.close();
    assertEquals(await next(), "");
  });
}

/** The texts of a stream up to each blank line; then nothing. */
function textsOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): () => Promise<string> {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return async () => {
    while (!text.includes("\n\n")) {
      const { done, value } = await reader.read();
      if (done) return text;
      text += value;
    }
    const end = text.indexOf("\n\n") + 2;
    const record = text.slice(0, end);
    text = text.slice(end);
    return record;
  };
}

for (const accept of ["text/event-stream", "application/x-ndjson"]) {
  Deno.test(`compression: the gateway's own ${accept} is not compressed`, async () => {
    await using upstream = startApi();
    await using gateway = startRoutes(upstream);
    const got = await get(`${gateway.url}/whole/huge`, { accept, ...accepting("gzip, br, zstd") });
    assertEquals([got.status, got.headers.get("content-encoding")], [200, null]);
  });
}
