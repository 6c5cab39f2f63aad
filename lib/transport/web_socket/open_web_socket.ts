import type { Call, Context, Reply } from "../../core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../core/upstream_fault.ts";
import type { WebSocketOffer } from "../../core/web_socket.ts";
import type { Origin } from "../socket/origin.ts";
import type { Pool } from "../socket/pool.ts";
import { traceHeaders } from "../trace_headers.ts";

/** Where a WebSocket is opened. */
export interface WebSocketTarget {
  readonly origin: Origin;
  /** The base path, without a trailing slash. */
  readonly basePath: string;
  readonly pool: Pick<Pool, "dial">;
}

let loading: Promise<typeof import("./dial.ts")> | undefined;

/**
 * Asks an upstream for a WebSocket connection; see `dial`. The client is loaded on first use.
 * @throws {GatewayError}
 */
export async function openWebSocket(
  call: Call,
  offer: WebSocketOffer,
  ctx: Context,
  { origin, basePath, pool }: WebSocketTarget,
): Promise<Reply> {
  const { dial } = await (loading ??= import("./dial.ts"));
  const { signal } = ctx;
  const connection = await pool.dial(signal).catch((error) => {
    throw error instanceof UpstreamFault ? upstreamFailure(error) : error;
  });
  const target = basePath + call.path;
  const trace = traceHeaders(call, ctx);
  return await dial(connection, { call, offer, trace, host: origin.host, target, signal });
}
