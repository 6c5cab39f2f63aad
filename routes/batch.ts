import { abortable } from "@std/async";
import { turns } from "../lib/async/turns.ts";
import { asCompleted } from "../lib/async/as_completed.ts";
import { type ItemResponse, writeBatch, writeResponse } from "../lib/batch/batch_response.ts";
import { type Inherited, itemRequest } from "../lib/batch/batch_item.ts";
import { type BatchItem, readBatch } from "../lib/batch/batch_request.ts";
import { Body, BodyTooLarge } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import type { Clock } from "../lib/core/clock.ts";
import { GatewayError, toGatewayError } from "../lib/core/errors.ts";
import type { Trace } from "../lib/core/trace.ts";
import { isJsonType } from "../lib/json/is_json_type.ts";
import { jsonBytes, oneLine } from "../lib/json/json_bytes.ts";
import { problemDocumentOf } from "../lib/http/problem.ts";
import type { ResponseCoder } from "../lib/coding/response_coder.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import type { StreamRecord } from "../lib/http/record_stream.ts";
import { readRequestBody, requestBody } from "../lib/http/request_body.ts";
import type { Bindings } from "../middleware/bindings.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";
import { codedBody, responseBody } from "./response_body.ts";
import { formatOf, streamRecords } from "./stream_records.ts";

/** What a batch route allows, and how it handles one request of a batch. */
export interface BatchOptions {
  /** The most requests in a batch, and the most handled at once. */
  readonly max: number;
  readonly concurrency: number;
  /** The largest response to one request, and to all together as the batch writes them (bytes). */
  readonly maxBody: number;
  readonly maxTotal: number;
  /** The largest body that a client may send (bytes). */
  readonly maxRequestBody: number;
  /** The header in which trusted proxies name the client. */
  readonly forwardedHeader: string;
  readonly clock: Clock;
  readonly sender: ResponseSender;
  /** Compresses the response; absent if the route does not. */
  readonly coder: ResponseCoder | undefined;
  /** Handles one request as if it had been sent alone. */
  readonly dispatch: (request: Request, bindings: Bindings) => Promise<Response>;
}

/** Handles a batch route: several requests in one, each handled as if it had been sent alone. */
export function batch(options: BatchOptions): Endpoint {
  return async function batch(c) {
    const { signal } = c.ctx;
    const items = await read(c, options);
    const format = formatOf(c);
    if (format) {
      const records = (signal: AbortSignal) => recordsOf(items, c, options, signal);
      return await streamRecords(c, {
        format,
        clock: options.clock,
        sender: options.sender,
        records,
      });
    }
    const written = new Array<Bytes>(items.length);
    for await (const [index, write] of responses(items, c, options, signal)) {
      const bytes = written[index] = write(undefined);
      c.ctx.buffers?.take(bytes.length);
    }
    // At a deadline each request has a response; a client that has left gets none.
    if (isCancelled(signal)) throw signal.reason;
    const whole = Body.of(writeBatch(written));
    c.ctx.buffers?.holdOnly(whole);
    const headers = new Headers({
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    const body = await codedBody(c, { status: 200, headers, body: whole }, options.coder);
    if (body === null) return new ResponseDraft(null, { headers });
    c.ctx.buffers?.holdOnly(body);
    return new ResponseDraft(responseBody(c, body, headers, options.sender), { headers });
  };
}

async function read(c: Exchange, { max, maxRequestBody }: BatchOptions): Promise<BatchItem[]> {
  const { request, headers } = c;
  // A page may send CORS-safelisted types to any origin without a preflight: it must not reach through
  // a batch what it could not reach directly.
  if (headers.has("origin") && !isJsonType(headers.get("content-type") ?? "")) {
    throw new GatewayError(
      "bad-request",
      "a batch sent by a page must have the type application/json",
    );
  }
  const body = requestBody(request) ?? Body.of(new Uint8Array());
  c.ctx.buffers?.hold(body);
  await readRequestBody(body, maxRequestBody, c.ctx.signal);
  return readBatch(await body.bytes(maxRequestBody), max);
}

/** A record for each response as it completes, and one that says whether all met the deadline. */
async function* recordsOf(
  items: readonly BatchItem[],
  c: Exchange,
  options: BatchOptions,
  signal: AbortSignal,
): AsyncGenerator<StreamRecord, void, void> {
  for await (const [index, write] of responses(items, c, options, signal)) {
    if (isCancelled(signal)) throw signal.reason;
    yield { event: "response", line: oneLine(write(index)) };
  }
  yield { event: "done", line: jsonBytes({ complete: !signal.aborted }) };
}

/** Writes a response; with its index in a stream of records, without it in a whole batch. */
type WriteItem = (index: number | undefined) => Bytes;

/** The responses as they complete; one too large for the batch becomes a problem document. */
async function* responses(
  items: readonly BatchItem[],
  c: Exchange,
  options: BatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly [index: number, write: WriteItem], void, void> {
  const { id } = c.trace;
  const inherited: Inherited = {
    origin: new URL(c.request.url).origin,
    headers: c.headers,
    forwardedHeader: options.forwardedHeader,
  };
  const handle = async (index: number) => {
    const itemId = `${id}.${index}`;
    const item = items[index];
    try {
      signal.throwIfAborted();
      if (item === undefined) throw new RangeError("a batch has no such request");
      return await responseOf(item, { c, inherited, itemId, signal }, options);
    } catch (error) {
      return problemResponse(toGatewayError(error), { ...c.trace, id: itemId });
    }
  };
  let total = 0;
  for await (const [index, response] of asCompleted(items.length, options.concurrency, handle)) {
    const turn = turns.take(response.body.length);
    if (turn) await turn;
    yield [index, (place) => {
      const bytes = writeResponse(response, place);
      if (total + bytes.length > options.maxTotal) {
        const error = tooLarge("the responses of a batch together", options.maxTotal);
        return writeResponse(problemResponse(error, { ...c.trace, id: `${id}.${index}` }), place);
      }
      total += bytes.length;
      return bytes;
    }];
  }
}

/** The batch that a request is part of. */
interface Within {
  readonly c: Exchange;
  readonly inherited: Inherited;
  readonly itemId: string;
  readonly signal: AbortSignal;
}

async function responseOf(
  item: BatchItem,
  { c, inherited, itemId, signal }: Within,
  { dispatch, maxBody }: BatchOptions,
): Promise<ItemResponse> {
  const { url, ...init } = itemRequest(item, inherited);
  const { remoteAddress, scheme } = c.env;
  const completed = Promise.withResolvers<void>();
  try {
    const response = await dispatch(new Request(url, init), {
      remoteAddress,
      scheme,
      completed: completed.promise,
      batch: { itemId, signal, deadline: c.ctx.deadline, span: c.trace.span },
    });
    const { status, headers } = response;
    const body = response.body ? Body.from({ stream: response.body }) : Body.of(new Uint8Array());
    return { status, headers, body: await readResponse(body, maxBody, signal) };
  } finally {
    completed.resolve();
  }
}

/** Reads a response whole, also a stream of records, until the batch ends. */
async function readResponse(body: Body, maxBody: number, signal: AbortSignal): Promise<Bytes> {
  try {
    return await abortable(body.bytes(maxBody), signal);
  } catch (error) {
    await body.cancel();
    signal.throwIfAborted();
    if (error instanceof BodyTooLarge) throw tooLarge("a response in a batch", maxBody);
    throw new GatewayError("upstream-invalid", "the response broke off", { cause: error });
  }
}

function tooLarge(what: string, limit: number): GatewayError {
  return new GatewayError("upstream-invalid", `${what} must not exceed ${limit} bytes`);
}

function problemResponse(error: GatewayError, trace: Trace): ItemResponse {
  return {
    status: error.status,
    headers: new Headers({
      ...error.headers,
      "cache-control": "no-store",
      "content-type": "application/problem+json",
      "x-request-id": trace.id,
    }),
    body: jsonBytes(problemDocumentOf(error, trace)),
  };
}

function isCancelled({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof GatewayError && reason.kind === "cancelled";
}
