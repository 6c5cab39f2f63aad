import { abortable } from "@std/async";
import type { Handler } from "hono";
import { turns } from "../lib/async/turns.ts";
import { asCompleted } from "../lib/async/as_completed.ts";
import { type ItemResponse, writeBatch, writeResponse } from "../lib/batch/batch_response.ts";
import { type Inherited, itemRequest } from "../lib/batch/batch_item.ts";
import { type BatchItem, readBatch } from "../lib/batch/batch_request.ts";
import { Body, BodyTooLarge } from "../lib/core/body.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import type { Clock } from "../lib/core/clock.ts";
import { GatewayError, toGatewayError } from "../lib/core/errors.ts";
import { isJsonType } from "../lib/json/is_json_type.ts";
import { jsonBytes, oneLine } from "../lib/json/json_bytes.ts";
import { problemDocumentOf } from "../lib/http/problem.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import type { StreamRecord } from "../lib/http/record_stream.ts";
import { readRequestBody, requestBody } from "../lib/http/request_body.ts";
import type { Env, Exchange } from "../middleware/env.ts";
import { responseBody } from "./response_body.ts";
import { formatOf, streamRecords } from "./stream_records.ts";

/** How a route answers batches. */
export interface BatchOptions {
  /** How many requests a batch may hold, and how many of them are answered at once. */
  readonly max: number;
  readonly concurrency: number;
  /** The largest answer of one request, and of all together as the batch writes them (bytes). */
  readonly maxBody: number;
  readonly maxTotal: number;
  /** The largest body that a client may send (bytes). */
  readonly maxRequestBody: number;
  /** The header that trusted proxies say in whom they speak for. */
  readonly forwardedHeader: string;
  readonly clock: Clock;
  readonly sender: ResponseSender;
  /** Answers one request as if it had come alone. */
  readonly ask: (request: Request, bindings: Env["Bindings"]) => Promise<Response>;
}

/** A route that answers several requests at once, each as if it had come alone. */
export function batch(options: BatchOptions): Handler<Env> {
  return async function batch(c) {
    const { signal } = c.get("ctx");
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
    for await (const [index, answer] of answers(items, c, options, signal)) {
      const bytes = written[index] = answer(undefined);
      c.get("ctx").buffers?.take(bytes.length);
    }
    // A deadline leaves an answer for each request; for a client that has left there is none.
    if (isCancelled(signal)) throw signal.reason;
    const body = Body.of(writeBatch(written));
    c.get("ctx").buffers?.holdOnly(body);
    const headers = new Headers({
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    return new Response(responseBody(c, body, headers, options.sender), { headers });
  };
}

async function read(c: Exchange, { max, maxRequestBody }: BatchOptions): Promise<BatchItem[]> {
  const { raw } = c.req;
  // A page may send other types anywhere unasked (the Fetch standard's CORS-safelisted ones): it
  // must not reach through a batch what it could not reach alone.
  if (raw.headers.has("origin") && !isJsonType(raw.headers.get("content-type") ?? "")) {
    throw new GatewayError("bad-request", "a page's batch must have the type application/json");
  }
  const body = requestBody(raw) ?? Body.of(new Uint8Array());
  c.get("ctx").buffers?.hold(body);
  await readRequestBody(body, maxRequestBody, c.get("ctx").signal);
  return readBatch(await body.bytes(maxRequestBody), max);
}

/** A line for each answer as it comes, and one that says whether all came before the deadline. */
async function* recordsOf(
  items: readonly BatchItem[],
  c: Exchange,
  options: BatchOptions,
  signal: AbortSignal,
): AsyncGenerator<StreamRecord, void, void> {
  for await (const [index, answer] of answers(items, c, options, signal)) {
    if (isCancelled(signal)) throw signal.reason;
    yield { event: "response", line: oneLine(answer(index)) };
  }
  yield { event: "done", line: jsonBytes({ complete: !signal.aborted }) };
}

/** Writes an answer, with its place where it is told as it comes. */
type Written = (index: number | undefined) => Bytes;

/** What each request is answered, as it comes; what is too large for the batch is a problem instead. */
async function* answers(
  items: readonly BatchItem[],
  c: Exchange,
  options: BatchOptions,
  signal: AbortSignal,
): AsyncGenerator<readonly [index: number, answer: Written], void, void> {
  const { id } = c.get("trace");
  const inherited: Inherited = {
    origin: new URL(c.req.url).origin,
    headers: c.req.raw.headers,
    forwardedHeader: options.forwardedHeader,
  };
  const ask = async (index: number) => {
    const itemId = `${id}.${index}`;
    const item = items[index];
    try {
      signal.throwIfAborted();
      if (item === undefined) throw new RangeError("a batch has no such request");
      return await answerOf(item, { c, inherited, itemId, signal }, options);
    } catch (error) {
      return problemAnswer(toGatewayError(error), itemId);
    }
  };
  let total = 0;
  for await (const [index, answer] of asCompleted(items.length, options.concurrency, ask)) {
    const turn = turns.take(answer.body.length);
    if (turn) await turn;
    yield [index, (place) => {
      const bytes = writeResponse(answer, place);
      if (total + bytes.length > options.maxTotal) {
        const error = tooLarge(`all answers of a batch together`, options.maxTotal);
        return writeResponse(problemAnswer(error, `${id}.${index}`), place);
      }
      total += bytes.length;
      return bytes;
    }];
  }
}

/** Within which batch a request is asked. */
interface Within {
  readonly c: Exchange;
  readonly inherited: Inherited;
  readonly itemId: string;
  readonly signal: AbortSignal;
}

async function answerOf(
  item: BatchItem,
  { c, inherited, itemId, signal }: Within,
  { ask, maxBody }: BatchOptions,
): Promise<ItemResponse> {
  const { url, ...asked } = itemRequest(item, inherited);
  const { remoteAddress, scheme } = c.env;
  const completed = Promise.withResolvers<void>();
  try {
    const response = await ask(new Request(url, { ...asked, signal }), {
      remoteAddress,
      scheme,
      completed: completed.promise,
      batch: { itemId, signal, deadline: c.get("ctx").deadline },
    });
    const { status, headers } = response;
    const body = response.body ? Body.from({ stream: response.body }) : Body.of(new Uint8Array());
    return { status, headers, body: await readAnswer(body, maxBody, signal) };
  } finally {
    completed.resolve();
  }
}

/** Reads an answer whole, also one that comes as records or events, while the batch may last. */
async function readAnswer(body: Body, maxBody: number, signal: AbortSignal): Promise<Bytes> {
  try {
    return await abortable(body.bytes(maxBody), signal);
  } catch (error) {
    await body.cancel();
    signal.throwIfAborted();
    if (error instanceof BodyTooLarge) throw tooLarge("an answer within a batch", maxBody);
    throw new GatewayError("upstream-invalid", "the answer broke off", { cause: error });
  }
}

function tooLarge(what: string, limit: number): GatewayError {
  return new GatewayError("upstream-invalid", `${what} may be ${limit} bytes, and is larger`);
}

function problemAnswer(error: GatewayError, id: string): ItemResponse {
  return {
    status: error.status,
    headers: new Headers({
      ...error.headers,
      "cache-control": "no-store",
      "content-type": "application/problem+json",
      "x-request-id": id,
    }),
    body: jsonBytes(problemDocumentOf(error, id)),
  };
}

function isCancelled({ aborted, reason }: AbortSignal): boolean {
  return aborted && reason instanceof GatewayError && reason.kind === "cancelled";
}
