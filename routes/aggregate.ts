import type { Claims } from "../lib/auth/identity.ts";
import type { Clock } from "../lib/core/clock.ts";
import type { Bytes } from "../lib/core/bytes.ts";
import { contentKey } from "../lib/core/content_key.ts";
import { GatewayError } from "../lib/core/errors.ts";
import type { GatherPlan } from "../lib/gather/gather_plan.ts";
import { replayRecords } from "../lib/gather/replay_records.ts";
import { gatherRecords } from "../lib/gather/gather_records.ts";
import type { RecordFormat } from "../lib/http/record_stream.ts";
import type { ResponseCoder } from "../lib/coding/response_coder.ts";
import type { ResponseSender } from "../lib/http/response_sender.ts";
import { requestBody } from "../lib/http/request_body.ts";
import { isBodiless } from "../lib/http/is_bodiless.ts";
import type { Call, Reply, Source } from "../lib/core/source.ts";
import type { Exchange } from "../middleware/exchange.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";
import { codedBody, responseBody } from "./response_body.ts";
import { formatOf, streamRecords } from "./stream_records.ts";
import { wholeContent } from "./whole_content.ts";

const NO_CONTENT: Bytes = new Uint8Array();

/** What a gather route calls. */
export interface AggregateOptions {
  readonly plan: GatherPlan;
  /** The same plan as a Source of whole responses, through the route's cache. */
  readonly source: Source;
  /** Whether whole responses are stored in the cache. */
  readonly isStored: boolean;
  /** Whether they are envelopes, which can be replayed as records. */
  readonly isEnvelope: boolean;
  /** Identifies the claims that the parts use, in the key of stored responses; absent if none are. */
  readonly claimKey?: ((claims: Claims) => string) | undefined;
  /** The largest body that a client may send (bytes). */
  readonly maxRequestBody: number;
  readonly clock: Clock;
  readonly sender: ResponseSender;
  /** Compresses responses; absent if the route does not. */
  readonly coder: ResponseCoder | undefined;
}

/** Handles a gather route: responds with the envelope, or streams each part as it completes. */
export function aggregate(options: AggregateOptions): Endpoint {
  return function aggregate(c) {
    const call = callOf(c, options);
    if (options.isStored && call.method === "QUERY") return aggregateQuery(c, call, options);
    return respond(c, call, options);
  };
}

/** What is stored of a QUERY is found by its body, which is read first. */
async function aggregateQuery(
  c: Exchange,
  call: Call,
  options: AggregateOptions,
): Promise<ResponseDraft> {
  const { body, method, headers } = call;
  const content = body ? await wholeContent(c, body, options.maxRequestBody) : NO_CONTENT;
  const keyed = { ...call, contentKey: contentKey(method, headers, content) };
  return await respond(c, keyed, options);
}

function respond(c: Exchange, call: Call, options: AggregateOptions): Promise<ResponseDraft> {
  const format = formatOf(c);
  if (format) return streamed(c, call, format, options);
  return options.source(call, c.ctx).then((reply) => whole(c, reply, options));
}

function whole(
  c: Exchange,
  reply: Reply,
  options: AggregateOptions,
): ResponseDraft | Promise<ResponseDraft> {
  const { parts } = c.trace;
  c.trace.cached = reply.cached;
  c.trace.isHit = reply.cached?.isHit ||
    (parts.some(({ reply }) => reply) &&
      parts.every(({ reply, isSkipped }) => isSkipped || reply?.cached?.isHit));
  const body = codedBody(c, reply, options.coder);
  if (body instanceof Promise) return body.then((body) => draftOf(c, { ...reply, body }, options));
  return body ? draftOf(c, { ...reply, body }, options) : new ResponseDraft(null, reply);
}

function draftOf(c: Exchange, reply: Reply, { sender }: AggregateOptions): ResponseDraft {
  const isEmpty = isBodiless("GET", reply.status); // HEAD needs the length of GET
  if (isEmpty) return new ResponseDraft(null, reply);
  c.ctx.buffers?.holdOnly(reply.body); // releases the parts' bodies
  return new ResponseDraft(responseBody(c, reply.body, reply.headers, sender), reply);
}

function callOf(c: Exchange, { claimKey }: AggregateOptions): Call {
  const { pathname, search } = c.target;
  const { method, headers } = c;
  if (!isDecodable(pathname)) {
    throw new GatewayError("bad-request", "the path must be UTF-8, percent-encoded");
  }
  const body = requestBody(c.request);
  const call: Call = { method, path: pathname + search, headers, params: c.params, body };
  const { claims } = c.ctx.client;
  if (claims === undefined) return call;
  // The gateway has checked the Authorization; a part that passes it on says so itself.
  return { ...call, claims, headerKey: claimKey?.(claims), hasOwnAuthorization: true };
}

/** Whether a path's parameters can be decoded: bytes that are not UTF-8 would be altered on the way. */
function isDecodable(pathname: string): boolean {
  try {
    return decodeURIComponent(pathname) !== "";
  } catch {
    return false;
  }
}

async function streamed(
  c: Exchange,
  call: Call,
  format: RecordFormat,
  { plan, source, isStored, isEnvelope, clock, sender }: AggregateOptions,
): Promise<ResponseDraft> {
  const ctx = c.ctx;
  const canReplay = isStored && isEnvelope && isCacheable(call);
  const stored = canReplay ? await source(onlyIfCached(call), ctx) : undefined;
  c.trace.cached = stored?.cached;
  c.trace.isHit = stored?.cached?.isHit ?? false;
  const records = (signal: AbortSignal) =>
    stored?.status === 200 ? replayRecords(stored) : gatherRecords(plan, call, { ...ctx, signal });
  return await streamRecords(c, { format, clock, sender, records });
}

/** The same call, for the route's cache only (RFC 9111 section 5.2.1.7). */
function onlyIfCached(call: Call): Call {
  const headers = new Headers(call.headers);
  headers.append("cache-control", "only-if-cached");
  for (const name of ["if-none-match", "if-modified-since", "range"]) headers.delete(name);
  return { ...call, method: call.method === "HEAD" ? "GET" : call.method, headers };
}

/** Whether the route's cache may have a response to such a request. */
function isCacheable({ method, contentKey }: Call): boolean {
  return method === "GET" || method === "HEAD" || contentKey !== undefined;
}
