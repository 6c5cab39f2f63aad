import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { CodedBodies } from "../../../lib/coding/coded_bodies.ts";
import { contentDecoder } from "../../../lib/coding/content_decoder.ts";
import { ResponseCoder } from "../../../lib/coding/response_coder.ts";

type Fields = Readonly<Record<string, string>>;

const TEXT = "some text, and more of it; ".repeat(100);
const PLAIN = new TextEncoder().encode(TEXT);
const JSON_TYPE = { "content-type": "application/json" };

/** What becomes of a response. */
interface Case {
  readonly name: string;
  readonly method?: string;
  readonly status?: number;
  /** The request's headers, besides `Accept-Encoding: gzip`. */
  readonly asks?: Fields;
  readonly headers?: Fields;
  readonly length?: number;
  /** The coding; undefined for none. */
  readonly coding?: string;
  readonly vary?: string;
  readonly etag?: string;
}

const VARIED = { vary: "Accept-Encoding" };
const GZIP = { coding: "gzip", ...VARIED };

const CASES: readonly Case[] = [
  { name: "JSON", ...GZIP },
  {
    name: "JSON with a charset",
    headers: { "content-type": "application/json; charset=utf-8" },
    ...GZIP,
  },
  {
    name: "a problem",
    status: 502,
    headers: { "content-type": "application/problem+json" },
    ...GZIP,
  },
  { name: "HTML", headers: { "content-type": "TEXT/HTML" }, ...GZIP },
  { name: "SVG", headers: { "content-type": "image/svg+xml" }, ...GZIP },
  { name: "an event stream", headers: { "content-type": "text/event-stream" } },
  { name: "NDJSON", headers: { "content-type": "application/x-ndjson" } },
  { name: "PNG", headers: { "content-type": "image/png" } },
  { name: "an unknown type", headers: { "content-type": "application/octet-stream" } },
  { name: "no type", headers: { "content-type": "" } },
  { name: "a list of types", headers: { "content-type": "image/png, text/html" } },
  { name: "what is coded already", headers: { "content-encoding": "br" } },
  { name: "no-transform", headers: { "cache-control": "max-age=1, No-Transform" } },
  { name: "a request's no-transform", asks: { "cache-control": "no-transform" } },
  { name: "a digest of the content", headers: { "content-digest": "sha-256=:x:" } },
  { name: "a part", status: 206, headers: { "content-range": "bytes 0-1/2" } },
  { name: "a status without content", status: 204 },
  { name: "1023 bytes", length: 1023 },
  { name: "1024 bytes", length: 1024, ...GZIP },
  {
    name: "a short one that must be coded",
    length: 9,
    asks: { "accept-encoding": "gzip, *;q=0" },
    ...GZIP,
  },
  { name: "an empty one", length: 0, asks: { "accept-encoding": "gzip, *;q=0" } },
  { name: "a client that wants none", asks: { "accept-encoding": "identity" }, ...VARIED },
  {
    name: "a client that knows others",
    asks: { "accept-encoding": "compress, deflate" },
    ...VARIED,
  },
  { name: "a strong ETag", headers: { etag: '"a"' }, etag: 'W/"a"', ...GZIP },
  { name: "a weak ETag", headers: { etag: 'W/"a"' }, etag: 'W/"a"', ...GZIP },
  {
    name: "an ETag, uncoded",
    headers: { etag: '"a"' },
    asks: { "accept-encoding": "" },
    etag: '"a"',
    ...VARIED,
  },
  {
    name: "another Vary",
    headers: { vary: "Accept" },
    coding: "gzip",
    vary: "Accept, Accept-Encoding",
  },
  {
    name: "the same Vary",
    headers: { vary: "accept-encoding, x" },
    coding: "gzip",
    vary: "accept-encoding, x",
  },
  { name: "Vary: *", headers: { vary: "*" }, coding: "gzip", vary: "*" },
  {
    name: "HEAD",
    method: "HEAD",
    length: 0,
    headers: { "content-length": "5000", etag: '"a"' },
    etag: 'W/"a"',
    ...GZIP,
  },
  { name: "HEAD of a short one", method: "HEAD", length: 0, headers: { "content-length": "50" } },
  { name: "HEAD of unknown length", method: "HEAD", length: 0, ...GZIP },
  {
    name: "304",
    status: 304,
    length: 0,
    headers: { etag: '"a"' },
    asks: { "if-none-match": '"a"' },
    etag: '"a"',
    ...VARIED,
  },
  {
    name: "304 of a coded copy",
    status: 304,
    length: 0,
    headers: { etag: '"a"' },
    asks: { "if-none-match": '"b", W/"a"' },
    etag: 'W/"a"',
    ...VARIED,
  },
];

for (
  const { name, method = "GET", status = 200, asks, headers, length = PLAIN.length, ...expected }
    of CASES
) {
  Deno.test(`response coder: ${name}`, async () => {
    const request = { method, headers: new Headers({ "accept-encoding": "gzip", ...asks }) };
    const given = new Headers({ ...JSON_TYPE, "accept-ranges": "bytes", ...headers });
    const body = Body.of(PLAIN.slice(0, length));
    const coder = new ResponseCoder(new CodedBodies(1_000_000));
    const coded = await coder.code(request, { status, headers: given, body, isStored: false });
    const coding = headers?.["content-encoding"] ?? expected.coding;
    assertEquals(given.get("content-encoding"), coding ?? null);
    assertEquals(given.get("vary"), expected.vary ?? null);
    assertEquals(given.get("etag"), expected.etag ?? null);
    if (expected.coding === undefined) return assertStrictEquals(coded, body);
    assertEquals([given.get("content-length"), given.get("accept-ranges")], [null, null]);
    if (method === "HEAD") return assertEquals(coded, null);
    assert(coded);
    const decoded = await contentDecoder(expected.coding)?.(coded, 5_000);
    assertEquals(await decoded?.bytes(5_000), PLAIN.slice(0, length));
  });
}

function codedBy(coder: ResponseCoder, body: Body, isStored: boolean, accepted = "gzip") {
  const request = { method: "GET", headers: new Headers({ "accept-encoding": accepted }) };
  return coder.code(request, { status: 200, headers: new Headers(JSON_TYPE), body, isStored });
}

Deno.test("response coder: a stored body is encoded once for each coding", async () => {
  const stored = new CodedBodies(1_000_000);
  const coder = new ResponseCoder(stored);
  const body = Body.of(PLAIN);
  const [first, second] = [codedBy(coder, body, true), codedBy(coder, body, true)];
  assertStrictEquals(first, second, "concurrent requests share the work");
  const coded = await first;
  assertStrictEquals(codedBy(coder, body, true), coded);
  assertEquals(stored.size, 1);
  await codedBy(coder, body, true, "br");
  await codedBy(coder, Body.of(PLAIN), true);
  assertEquals(stored.size, 3);
  await codedBy(coder, Body.of(PLAIN), false);
  assertEquals(stored.size, 3, "others are not retained");
});

Deno.test("response coder: the coded forms of stored bodies are bounded in bytes", async () => {
  const stored = new CodedBodies(2_000);
  const coder = new ResponseCoder(stored);
  const first = Body.of(PLAIN);
  const coded = await codedBy(coder, first, true);
  for (let turn = 0; turn < 10; turn++) await codedBy(coder, Body.of(PLAIN), true);
  assert(stored.size > 0 && stored.size < 4, String(stored.size));
  assert(stored.bytes <= 2_000);
  assert(await codedBy(coder, first, true) !== coded, "it was evicted, and is encoded again");
  stored.clear();
  assertEquals([stored.size, stored.bytes], [0, 0]);
});

Deno.test("response coder: a body that does not fit is encoded, and not retained", async () => {
  const stored = new CodedBodies(10);
  const coded = await codedBy(new ResponseCoder(stored), Body.of(PLAIN), true);
  assert(coded && (coded.length ?? 0) > 0);
  assertEquals(stored.size, 0);
});

Deno.test("response coder: a body that is still arriving is encoded as it comes", async () => {
  const stream = ReadableStream.from([PLAIN.slice(0, 100), PLAIN.slice(100)]);
  const coder = new ResponseCoder(new CodedBodies(1_000_000));
  const coded = await codedBy(coder, Body.from({ stream }), true);
  assertEquals(coded?.length, undefined);
  const decoded = coded && await contentDecoder("gzip")?.(coded, 5_000);
  assertEquals(await decoded?.bytes(5_000), PLAIN);
});
