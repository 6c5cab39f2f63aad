import { isSafe } from "../../core/is_safe.ts";
import type { Clock } from "../../core/clock.ts";
import type { Call, Source } from "../../core/source.ts";
import { expectedTimeout } from "../expected_timeout.ts";
import { nameServer } from "../name_server.ts";
import { traceHeaders } from "../trace_headers.ts";
import { Exchange } from "./exchange.ts";
import type { Origin } from "./origin.ts";
import type { Pool } from "./pool.ts";
import { requestHead } from "./request_head.ts";
import type { UploadBody } from "./upload.ts";
import { openWebSocket } from "../web_socket/open_web_socket.ts";

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

/** Creates the Source of an HTTP API over HTTP/1.1. */
export function socketSource(options: SocketSourceOptions): Source {
  const { origin, basePath, pool, clock } = options;
  return function socket(call, ctx) {
    try {
      ctx.signal.throwIfAborted();
      nameServer(ctx, origin);
      if (call.webSocket) return openWebSocket(call, call.webSocket, ctx, options);
      const body = uploadOf(call);
      const head = requestHead(call, {
        origin,
        basePath,
        body: body && (body.length ?? "chunked"),
        expectedTimeout: expectedTimeout(ctx, clock),
        trace: traceHeaders(call, ctx),
      });
      return new Exchange(
        { method: call.method, isSafe: isSafe(call), head, body },
        pool,
        ctx.signal,
      ).reply;
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

function uploadOf({ method, body }: Call): UploadBody | undefined {
  if (body === undefined) return SAYS_EMPTY.has(method) ? { content: EMPTY, length: 0 } : undefined;
  const { length } = body;
  return { content: body.handOn(), length };
}
