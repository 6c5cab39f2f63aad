import type { Clock } from "../../core/clock.ts";
import { isSafe } from "../../core/is_safe.ts";
import type { Call, Context, Reply, Source } from "../../core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../core/upstream_fault.ts";
import { activeTrace } from "../active_trace.ts";
import { expectedTimeout } from "../expected_timeout.ts";
import type { Connection } from "./connection.ts";
import { exchange, type Sent } from "./exchange.ts";
import type { Origin } from "./origin.ts";
import type { Pool } from "./pool.ts";
import { requestHead } from "./request_head.ts";
import type { UploadBody } from "./upload.ts";

/** Methods whose requests state `Content-Length: 0` without a body (RFC 9110 section 8.6). */
const SAYS_EMPTY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

const EMPTY = new Uint8Array();

/** The target of a Source. */
export interface SocketSourceOptions {
  readonly origin: Origin;
  /** The base path, without a trailing slash. */
  readonly basePath: string;
  readonly pool: Pool;
  readonly clock: Clock;
}

/**
 * Creates the Source of an HTTP API over HTTP/1.1.
 *
 * An upstream may close an idle connection just as a request is sent. Such a request is resent over
 * a new connection only if no byte of a response arrived and its method is safe, because the
 * upstream may have processed it.
 */
export function socketSource({ origin, basePath, pool, clock }: SocketSourceOptions): Source {
  const putBack = (connection: Connection, idleMs: number) => pool.putBack(connection, idleMs);
  return async function socket(call, ctx) {
    ctx.signal.throwIfAborted();
    const body = uploadOf(call);
    const head = requestHead(call, {
      origin,
      basePath,
      body: body && (body.length ?? "chunked"),
      extra: { ...expectedTimeout(ctx, clock), ...activeTrace() },
    });
    const sent = { method: call.method, head, body, signal: ctx.signal };
    try {
      return await send(sent, pool, putBack, ctx);
    } catch (error) {
      throw error instanceof UpstreamFault ? upstreamFailure(error) : error;
    }
  };
}

async function send(
  sent: Sent,
  pool: Pool,
  putBack: (connection: Connection, idleMs: number) => void,
  { signal }: Context,
): Promise<Reply> {
  const idle = pool.take();
  if (idle) {
    try {
      return await exchange(idle, sent, putBack);
    } catch (error) {
      if (!isLost(error) || idle.hasResponded || !mayRepeat(sent)) throw error;
    }
  }
  let connection: Connection;
  try {
    connection = await pool.open(signal);
  } catch (error) {
    if (sent.body?.content instanceof ReadableStream) await sent.body.content.cancel();
    throw error;
  }
  return await exchange(connection, sent, putBack);
}

function isLost(error: unknown): boolean {
  return error instanceof UpstreamFault && (error.reason === "closed" || error.reason === "reset");
}

function mayRepeat({ method, body }: Sent): boolean {
  return isSafe(method) && !(body?.content instanceof ReadableStream);
}

function uploadOf({ method, body }: Call): UploadBody | undefined {
  if (body === undefined) return SAYS_EMPTY.has(method) ? { content: EMPTY, length: 0 } : undefined;
  const { length } = body;
  return { content: body.handOn(), length };
}
