import type { Handler } from "hono";
import { accepts } from "hono/accepts";
import type { Clock } from "../lib/clock.ts";
import { DEFAULTS } from "../lib/config/defaults.ts";
import { GatewayError } from "../lib/errors.ts";
import type { GatherPlan } from "../lib/gather_plan.ts";
import { replayRecords } from "../lib/replay_records.ts";
import { gatherRecords } from "../lib/gather_records.ts";
import { EVENT_STREAM, NDJSON, type RecordFormat, recordStream } from "../lib/record_stream.ts";
import { requestBody } from "../lib/request_body.ts";
import { Scope } from "../lib/scope.ts";
import { isBodiless } from "../lib/is_bodiless.ts";
import type { Call, Reply, Source } from "../lib/source.ts";
import type { Env, Exchange } from "../middleware/env.ts";

/** What a gather route asks. */
export interface AggregateOptions {
  readonly plan: GatherPlan;
  /** The same plan, answering whole. */
  readonly source: Source;
  /** Whether whole answers are kept. */
  readonly isKept: boolean;
  readonly clock: Clock;
}

const FORMATS = new Map([NDJSON, EVENT_STREAM].map((format) => [format.mediaType, format]));
/** One document. */
const WHOLE = "application/json";
const TYPES = [WHOLE, ...FORMATS.keys()];

/** A route that asks a gather, and answers with its envelope, or as its parts come. */
export function aggregate(options: AggregateOptions): Handler<Env> {
  return async function aggregate(c) {
    const call = callOf(c);
    const format = formatOf(c);
    if (format) return await streamed(c, call, format, options);
    return whole(c, await options.source(call, c.get("ctx")));
  };
}

function whole(c: Exchange, reply: Reply): Response {
  const { parts } = c.get("trace");
  c.get("trace").isHit = reply.cached?.isHit ||
    (parts.length > 0 && parts.every(({ reply }) => reply?.cached?.isHit));
  const isEmpty = isBodiless("GET", reply.status); // HEAD has to know how long GET is
  return new Response(isEmpty ? null : reply.body.handOn(), reply);
}

function callOf(c: Exchange): Call {
  const { pathname, search } = c.get("target");
  const { method, headers } = c.req.raw;
  if (!isDecodable(pathname)) {
    throw new GatewayError("bad-request", "the path must be UTF-8, percent-encoded");
  }
  const body = requestBody(c.req.raw);
  return { method, path: pathname + search, headers, params: c.req.param(), ...(body && { body }) };
}

/** Whether a path's parameters have values: what is not UTF-8 would be passed on as something else. */
function isDecodable(pathname: string): boolean {
  try {
    return decodeURIComponent(pathname) !== "";
  } catch {
    return false;
  }
}

/** How the client wants to hear of parts as they come; undefined when it wants one document. */
function formatOf(c: Exchange): RecordFormat | undefined {
  const mediaType = accepts(c, {
    header: "Accept",
    supports: TYPES,
    default: WHOLE,
    match: mostAccepted,
  });
  return FORMATS.get(mediaType);
}

/** The type that is accepted most (RFC 9110 section 12.5.1); a wildcard stands for the whole. */
function mostAccepted(accepted: readonly { readonly type: string; readonly q: number }[]): string {
  const [best] = accepted
    .map(({ type, q }) => ({ type: type.toLowerCase(), q, isWildcard: type.endsWith("*") }))
    .filter(({ type, q, isWildcard }) => q > 0 && (isWildcard || TYPES.includes(type)))
    .sort((a, b) => b.q - a.q || Number(a.isWildcard) - Number(b.isWildcard));
  return best === undefined || best.isWildcard ? WHOLE : best.type;
}

async function streamed(
  c: Exchange,
  call: Call,
  format: RecordFormat,
  { plan, source, isKept, clock }: AggregateOptions,
): Promise<Response> {
  const ctx = c.get("ctx");
  const ended = Promise.withResolvers<void>();
  const scope = new Scope(ctx.signal);
  const onEnd = () => {
    scope[Symbol.dispose]();
    ended.resolve();
  };
  const onCancel = () => scope.cancel(new GatewayError("cancelled", "the client went away"));
  const kept = isKept ? await source(onlyIfKept(call), ctx) : undefined;
  c.get("trace").isHit = kept?.cached?.isHit ?? false;
  const records = kept?.status === 200
    ? replayRecords(kept)
    : gatherRecords(plan, call, { ...ctx, signal: scope.signal });
  try {
    // The first record decides the status: until it is there, a failure is a problem document.
    const first = await records.next();
    const stream = recordStream({
      records,
      first,
      format,
      heartbeatMs: DEFAULTS.heartbeatMs,
      clock,
      onCancel,
      onEnd,
    });
    c.set("answering", ended.promise);
    if (call.method === "HEAD") await stream.cancel();
    return new Response(call.method === "HEAD" ? null : stream, { headers: headersOf(format) });
  } catch (error) {
    onEnd();
    throw error;
  }
}

/** The same question to the route's cache alone (RFC 9111 section 5.2.1.7). */
function onlyIfKept(call: Call): Call {
  const headers = new Headers(call.headers);
  headers.append("cache-control", "only-if-cached");
  for (const name of ["if-none-match", "if-modified-since", "range"]) headers.delete(name);
  return { ...call, method: "GET", headers };
}

function headersOf({ mediaType }: RecordFormat): Record<string, string> {
  return {
    "content-type": mediaType,
    // What will be missing is not known yet, so nobody may keep it.
    "cache-control": "no-store",
    // nginx would hold the records back otherwise.
    "x-accel-buffering": "no",
  };
}
