import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";

/**
 * Content codings, with the platform's names. It supports others (deflate, zstd), but does not
 * detect truncated bodies of those.
 */
const FORMATS = new Map<string, CompressionFormat>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["br", "brotli"],
]);
/** Maximum nested codings; more indicate an attack. */
const MAX_CODINGS = 3;

/**
 * Decodes the content codings of a body (RFC 9110 section 8.4.1) as it is read, so that a reader
 * with a limit never decodes far beyond it. Reading fails if the body is malformed or truncated.
 * @param codings the value of `Content-Encoding`
 * @throws {GatewayError} `upstream-invalid`, for an unknown coding
 *
 * @example
 * ```ts
 * await decodedBody(Body.of(gzipped), "gzip").bytes(64 * 1024);
 * ```
 */
export function decodedBody(body: Body, codings: string): Body {
  const names = codings.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_CODINGS) throw unknown();
  const formats = names.map((name) => {
    const format = FORMATS.get(name);
    if (format === undefined) throw unknown(name);
    return format;
  });
  // An empty body has no coding, whatever its header says.
  if (formats.length === 0 || body.length === 0) return body;
  let coded = body.handOn();
  for (const format of formats.reverse()) {
    coded = decode(coded, new DecompressionStream(format));
  }
  return coded instanceof ReadableStream ? Body.from({ stream: coded }) : Body.of(coded);
}

function decode(
  coded: Bytes | ReadableStream<Bytes>,
  decoder: DecompressionStream,
): ReadableStream<Bytes> {
  if (coded instanceof ReadableStream) return coded.pipeThrough(decoder);
  const writer = decoder.writable.getWriter();
  // Readers receive the error.
  writer.write(coded).catch(() => {});
  writer.close().catch(() => {});
  return decoder.readable;
}

function unknown(coding = ""): GatewayError {
  const shown = /^[\w-]{1,20}$/.test(coding) ? ` ${coding}` : "";
  return new GatewayError("upstream-invalid", `the upstream's content coding${shown} is unknown`);
}
