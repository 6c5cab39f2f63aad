import type { Bytes } from "../lib/core/bytes.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { isBodiless } from "../lib/http/is_bodiless.ts";

/** The body of a response; null for none. */
export type DraftBody = Bytes | string | ReadableStream<Bytes> | null;

/** What a response is made of. */
export interface DraftInit {
  readonly status?: number;
  readonly headers?: Headers;
}

/**
 * A response on its way out. Middleware adds to its headers; the platform's Response is built once,
 * at the end.
 */
export class ResponseDraft {
  readonly body: DraftBody;
  readonly status: number;
  readonly headers: Headers;

  /**
   * @param headers not copied (default: none)
   * @throws {RangeError} for a status that no response can have
   */
  constructor(body: DraftBody, { status = 200, headers = new FieldList() }: DraftInit = {}) {
    if (!(status >= 200 && status <= 599)) throw new RangeError(`no response has status ${status}`);
    this.body = body;
    this.status = status;
    this.headers = headers;
  }

  /** The headers, one by one. */
  protected get fields(): FieldList {
    return this.headers instanceof FieldList ? this.headers : new FieldList(this.headers);
  }

  /** Builds the response to a request of that method. */
  build(method: string): Response {
    const { status, headers } = this;
    const body = method === "HEAD" ? this.#headBody() : this.body;
    const contentType = headers.get("content-type");
    // Deno builds a response with at most this one field fast, and appends the others faster than it
    // reads them from an object, a list or other Headers.
    const response = new Response(
      body,
      contentType === null ? { status } : { status, headers: { "content-type": contentType } },
    );
    const sent = response.headers;
    this.fields.each((name, value) => {
      if (name !== "content-type") sent.append(name, value);
    });
    return response;
  }

  /**
   * A HEAD response without a length when GET's length is not known beforehand (RFC 9110 section
   * 8.6): Deno would send `Content-Length: 0` for a response without a body.
   */
  #headBody(): ReadableStream<Bytes> | null {
    if (this.headers.has("content-length") || isBodiless("GET", this.status)) return null;
    return new ReadableStream({ start: (controller) => controller.close() });
  }
}
