import { Body } from "../core/body.ts";
import { acceptedCoding } from "./accept_encoding.ts";
import type { CodedBodies } from "./coded_bodies.ts";
import type { Coding } from "./codings.ts";
import { forbidsTransform, isCompressible } from "./compressible.ts";
import { encode, encodeStream } from "./encode.ts";

/** Smaller bodies fit into one packet with their head: a coding would save nothing. */
const MIN_BYTES = 1024;

/** A response that may be coded. */
export interface CodableResponse {
  readonly status: number;
  /** Modified when the response is coded, or might have been. */
  readonly headers: Headers;
  readonly body: Body;
  /** Whether the body is stored, and will be the body of other responses too. */
  readonly isStored: boolean;
}

/** What a client's request says about the coding of its response. */
export interface CodingRequest {
  readonly method: string;
  readonly headers: Headers;
}

/** Applies to responses the content coding that their clients accept (RFC 9110 section 8.4). */
export class ResponseCoder {
  readonly #stored: CodedBodies;

  /** @param stored the coded forms of stored bodies */
  constructor(stored: CodedBodies) {
    this.#stored = stored;
  }

  /**
   * Returns the body to send, and sets the headers that describe it. The coded response has the ETag
   * of the other as a weak one: the same content in another form, for which a range of bytes, or a
   * comparison of bytes, makes no sense.
   * @returns null for a coded HEAD response, whose length is not known
   */
  code(request: CodingRequest, response: CodableResponse): Body | null | Promise<Body> {
    const { status, headers, body, isStored } = response;
    if (status === 304) {
      confirmWeakEtag(request.headers, headers);
      addVary(headers);
      return body;
    }
    if (!isCompressible(status, headers) || forbidsTransform(request.headers)) return body;
    const { coding, mustBeCoded } = acceptedCoding(request.headers.get("accept-encoding"));
    const length = lengthOf(request, response);
    if (length === 0 || (length !== undefined && length < MIN_BYTES && !mustBeCoded)) return body;
    addVary(headers);
    if (coding === undefined) return body;
    headers.set("content-encoding", coding);
    weakenEtag(headers);
    for (const name of ["accept-ranges", "content-length"]) headers.delete(name);
    if (request.method === "HEAD") return null;
    if (!body.isWhole) {
      const stream = body.handOn();
      if (stream instanceof ReadableStream) {
        return Body.from({ stream: encodeStream(stream, coding) });
      }
    }
    const encoded = () => encodedBody(body, coding);
    return isStored ? this.#stored.get(body, coding, encoded) : encoded();
  }
}

async function encodedBody(body: Body, coding: Coding): Promise<Body> {
  return Body.of(await encode(await body.bytes(Infinity), coding));
}

/** The length without a coding, if known; a HEAD response from a cache states that of GET. */
function lengthOf(
  { method }: CodingRequest,
  { headers, body }: CodableResponse,
): number | undefined {
  if (method !== "HEAD") return body.length;
  const stated = headers.get("content-length");
  return stated === null ? body.length || undefined : Number(stated);
}

/**
 * Adds `Vary: Accept-Encoding`, also to a response that was not coded, because a request with another
 * `Accept-Encoding` would have got it coded (RFC 9110 section 12.5.5).
 */
function addVary(headers: Headers): void {
  const varied = headers.get("vary") ?? "";
  if (!/(?:^|[\s,])(?:accept-encoding|\*)(?:$|[\s,])/i.test(varied)) {
    headers.append("vary", "Accept-Encoding");
  }
}

function weakenEtag(headers: Headers): void {
  const etag = headers.get("etag");
  if (etag?.startsWith('"')) headers.set("etag", `W/${etag}`);
}

/** Gives a 304 the ETag that the client has listed, if it is that of the coded response. */
function confirmWeakEtag(request: Headers, headers: Headers): void {
  const etag = headers.get("etag");
  const listed = request.get("if-none-match");
  const { coding } = acceptedCoding(request.get("accept-encoding"));
  const isCoded = coding !== undefined && listed?.includes(`W/${etag}`);
  if (isCoded) weakenEtag(headers);
}
