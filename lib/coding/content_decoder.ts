import { Body } from "../core/body.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { decodedStream, decodeWhole, type Format } from "./decoders.ts";
import { loadZlib } from "./zlib.ts";

/** Removes the content codings of a body. */
export type ContentDecoder = (coded: Body, limit: number) => Body | Promise<Body>;

const FORMATS = new Map<string, Format>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
  ["br", "br"],
  ["zstd", "zstd"],
]);
/** Maximum nested codings; more indicate an attack. */
const MAX_CODINGS = 3;

/**
 * Returns what removes these codings (RFC 9110 section 8.4.1) from a body; undefined for none.
 *
 * A body that has arrived is decoded in one step, up to `limit` bytes. Any other is decoded as it is
 * read, so that a reader with a limit never decodes far beyond it. Decoding or reading fails with
 * `BodyTooLarge` beyond the limit, and with another error if the body is malformed or truncated.
 * @param codings the value of `Content-Encoding`
 * @throws {GatewayError} `upstream-invalid`, for an unknown coding
 *
 * @example
 * ```ts
 * const decoded = await contentDecoder("gzip")?.(Body.of(gzipped), 64 * 1024);
 * ```
 */
export function contentDecoder(codings: string): ContentDecoder | undefined {
  const names = codings.split(",").map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
  if (names.length > MAX_CODINGS) throw unknown();
  const formats = names.reverse().map((name) => {
    const format = FORMATS.get(name);
    if (format === undefined) throw unknown(name);
    return format;
  });
  if (formats.length === 0) return undefined;
  return (coded, limit) => {
    // An empty body has no coding, whatever its header says.
    if (coded.length === 0) return coded;
    return coded.isWhole ? whole(coded, formats, limit) : streamed(coded, formats, limit);
  };
}

async function whole(coded: Body, formats: readonly Format[], limit: number): Promise<Body> {
  const zlib = await loadZlib();
  let bytes: Bytes = joinBytes(coded.chunks);
  for (const format of formats) bytes = await decodeWhole(zlib, format, bytes, limit);
  return Body.of(bytes);
}

function streamed(coded: Body, formats: readonly Format[], limit: number): Body {
  const handed = coded.handOn();
  let stream = handed instanceof ReadableStream ? handed : ReadableStream.from([handed]);
  for (const format of formats) stream = decodedStream(stream, format, limit);
  return Body.from({ stream });
}

function unknown(coding = ""): GatewayError {
  const shown = /^[\w-]{1,20}$/.test(coding) ? ` ${coding}` : "";
  return new GatewayError("upstream-invalid", `the upstream's content coding${shown} is unknown`);
}
