import type { UpstreamTls } from "../config/upstream_tls.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { isSafe } from "../core/is_safe.ts";
import { platformSignal } from "../core/scope.ts";
import type { Reply, Source } from "../core/source.ts";
import { upstreamFailure } from "../core/upstream_fault.ts";
import { EXPECTED_TIMEOUT, expectedTimeout } from "./expected_timeout.ts";
import { faultOf } from "./fault_of.ts";
import { fromResponse } from "./from_response.ts";
import { nameServer } from "./name_server.ts";
import { originOf } from "./socket/origin.ts";
import { setTraceHeaders, traceHeaders } from "./trace_headers.ts";
import { withoutSpans } from "./without_spans.ts";

/** Codings that `fetch` decodes on its own, without updating the headers. */
const DECODED = /^(?:gzip|br)$/i;

/** The clients of `fetch`, with and without connection reuse. */
export interface FetchClients extends Disposable {
  readonly pooled: Deno.HttpClient;
  /** `fetch` resends requests lost on an idle connection, even POST: those get new connections. */
  readonly unpooled: Deno.HttpClient;
}

/**
 * Opens the clients.
 * @param idleMs how long a connection may be idle
 * @param tls CAs, and a certificate of the gateway's own
 */
export function openFetchClients(idleMs: number, tls?: UpstreamTls): FetchClients {
  const secured = { ...(tls?.ca === undefined ? {} : { caCerts: [tls.ca] }), ...tls?.own };
  const pooled = Deno.createHttpClient({ poolIdleTimeout: idleMs, ...secured });
  const unpooled = Deno.createHttpClient({ poolMaxIdlePerHost: 0, ...secured });
  return {
    pooled,
    unpooled,
    [Symbol.dispose]() {
      pooled.close();
      unpooled.close();
    },
  };
}

/**
 * Creates the Source of an HTTP API through `fetch`, which also supports HTTP/2.
 * @param base origin and base path, without a trailing slash
 */
export function fetchSource(base: string, clients: FetchClients, clock: Clock): Source {
  const origin = originOf(new URL(base));
  return async function fetched(call, ctx) {
    ctx.signal.throwIfAborted();
    const { method, body } = call;
    const headers = new Headers(call.headers);
    const timeout = expectedTimeout(ctx, clock);
    if (timeout !== undefined) headers.set(EXPECTED_TIMEOUT, timeout);
    nameServer(ctx, origin);
    const trace = traceHeaders(call, ctx);
    if (trace !== undefined) setTraceHeaders(headers, trace);
    let response: Response;
    try {
      response = await withoutSpans(() =>
        fetch(base + call.path, {
          client: isSafe(call) ? clients.pooled : clients.unpooled,
          method,
          headers,
          body: body?.handOn() ?? null,
          redirect: "manual",
          signal: platformSignal(ctx.signal),
        })
      );
    } catch (error) {
      ctx.signal.throwIfAborted();
      throw upstreamFailure(faultOf(error));
    }
    return toReply(response, method, decodes(headers));
  };
}

/** Whether `fetch` decodes the response: not of a range, nor where it may have no coding. */
function decodes(request: Headers): boolean {
  return !request.has("range") && request.get("accept-encoding")?.toLowerCase() !== "identity";
}

async function toReply(
  response: Response,
  method: string,
  isDecoding: boolean,
): Promise<Reply> {
  const { status } = response;
  if (status < 200 || status > 599) {
    await response.body?.cancel();
    throw new GatewayError(
      "upstream-invalid",
      `the upstream responded with the invalid status ${status}`,
    );
  }
  const headers = new Headers(response.headers);
  // A length with another framing, or of a decoded body, is wrong.
  const isDecoded = isDecoding && method !== "HEAD" &&
    DECODED.test(headers.get("content-encoding") ?? "");
  if (isDecoded) headers.delete("content-encoding");
  if (isDecoded || headers.has("transfer-encoding")) headers.delete("content-length");
  return fromResponse(response, headers, method);
}
