import { BodyTooLarge } from "../body.ts";
import type { Bytes } from "../bytes.ts";
import { GatewayError } from "../errors.ts";

/** Node's zlib, loaded when the first coded body comes: most upstreams send none. */
type Zlib = typeof import("node:zlib");
type Decode = (zlib: Zlib, bytes: Bytes, maxOutputLength: number) => Promise<Uint8Array>;

/** The largest zstd window that a decoder has to have (RFC 9659 section 3): 8 MiB. */
const ZSTD_WINDOW_LOG = 23;
/** More codings than this, one over the other, are nobody's honest response. */
const MOST_CODINGS = 3;

const CODINGS = new Map<string, Decode>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  [
    "deflate",
    (zlib, bytes, maxOutputLength) =>
      finished((done) =>
        isZlib(bytes)
          ? zlib.inflate(bytes, { maxOutputLength }, done)
          : zlib.inflateRaw(bytes, { maxOutputLength }, done)
      ),
  ],
  [
    "br",
    (zlib, bytes, maxOutputLength) =>
      finished((done) => zlib.brotliDecompress(bytes, { maxOutputLength }, done)),
  ],
  ["zstd", (zlib, bytes, maxOutputLength) => {
    const params = { [zlib.constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG };
    return finished((done) => zlib.zstdDecompress(bytes, { maxOutputLength, params }, done));
  }],
]);

/**
 * Takes the content codings off a body (RFC 9110 section 8.4.1).
 * @param codings the value of `Content-Encoding`
 * @param maxBytes the largest body that is taken, also in between
 * @throws {GatewayError} `upstream-invalid`, for a coding that is not known
 * @throws {BodyTooLarge}
 * @throws {Error} when the body is not so coded
 *
 * @example
 * ```ts
 * await decodeContent(await gzipped("{}"), "gzip", 1024); // the bytes of "{}"
 * ```
 */
export async function decodeContent(
  bytes: Bytes,
  codings: string,
  maxBytes: number,
): Promise<Bytes> {
  const names = codings.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MOST_CODINGS) throw unknown(codings);
  let decoded = bytes;
  for (const name of names.reverse()) {
    const decode = CODINGS.get(name);
    if (decode === undefined) throw unknown(name);
    // What has no bytes has no coding either, whatever its header says.
    if (decoded.length > 0) decoded = await bounded(decode, decoded, maxBytes);
  }
  return decoded;
}

async function bounded(decode: Decode, bytes: Bytes, maxBytes: number): Promise<Bytes> {
  try {
    return new Uint8Array(await decode(await import("node:zlib"), bytes, maxBytes));
  } catch (error) {
    const isTooLarge = error instanceof Error && "code" in error &&
      error.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge ? new BodyTooLarge(maxBytes) : error;
  }
}

function gunzip(zlib: Zlib, bytes: Bytes, maxOutputLength: number): Promise<Uint8Array> {
  return finished((done) => zlib.gunzip(bytes, { maxOutputLength }, done));
}

function finished(
  begin: (done: (error: Error | null, decoded: Uint8Array) => void) => void,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) =>
    begin((error, decoded) => error ? reject(error) : resolve(decoded))
  );
}

/** Some servers send `deflate` without the zlib header that it should have (RFC 1950 section 2.2). */
function isZlib([first = 0, second = 0]: Bytes): boolean {
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

function unknown(coding: string): GatewayError {
  const shown = /^[\w-]{1,20}$/.test(coding) ? ` ${coding}` : "";
  return new GatewayError("upstream-invalid", `the upstream's content coding${shown} is unknown`);
}
