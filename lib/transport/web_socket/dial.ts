import type { ClientRequest, IncomingMessage } from "node:http";
// @ts-types="./ws.d.ts"
import { WebSocket } from "ws";
import { Body } from "../../core/body.ts";
import { FieldList } from "../../core/field_list.ts";
import type { Call, Reply } from "../../core/source.ts";
import { upstreamFailure, UpstreamFault } from "../../core/upstream_fault.ts";
import type { WebSocketOffer } from "../../core/web_socket.ts";
import { setTraceHeaders, type TraceHeaders } from "../trace_headers.ts";
import { ConnectionStream } from "./connection_stream.ts";
import { UpstreamSocket } from "./upstream_socket.ts";

/** Headers of the handshake, which each of two connections has its own of. */
const HANDSHAKE: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "host",
  "sec-websocket-accept",
  "sec-websocket-extensions",
  "sec-websocket-key",
  "sec-websocket-protocol",
  "sec-websocket-version",
  "transfer-encoding",
  "upgrade",
]);

/** A handshake with an upstream. */
export interface Handshake {
  readonly call: Call;
  readonly offer: WebSocketOffer;
  /** Replaces the call's headers. */
  readonly trace: TraceHeaders | undefined;
  /** The `Host` header. */
  readonly host: string;
  /** The target of the request, with the base path. */
  readonly target: string;
  readonly signal: AbortSignal;
}

/**
 * Asks an upstream for a WebSocket connection, over a connection that was opened for it. The reply
 * has status 101 and the open WebSocket, or is the upstream's refusal.
 * @throws {GatewayError} if there is no reply; the signal's reason if it aborts
 */
export function dial(connection: Deno.Conn, handshake: Handshake): Promise<Reply> {
  const { call, offer, trace, host, target, signal } = handshake;
  const stream = new ConnectionStream(connection);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const protocols = protocolsOf(call.headers);
  const sent = new FieldList(call.headers);
  if (trace) setTraceHeaders(sent, trace);
  const headers: Record<string, string> = { host };
  sent.forEach((value, name) => {
    if (!HANDSHAKE.has(name)) headers[name] = value;
  });
  // Never `wss:`, because TLS is the connection's.
  const socket = new WebSocket(`ws://${host}${target}`, protocols, {
    // Not together with an agent, which opens its own.
    createConnection: () => stream,
    headers,
    maxPayload: offer.maxMessage,
    perMessageDeflate: false,
    // `ws` joins the protocols without blanks, and Deno's servers find only the first one then.
    finishRequest: (request: ClientRequest) => {
      if (protocols.length > 0) request.setHeader("Sec-WebSocket-Protocol", protocols.join(", "));
      request.end();
    },
  });
  const abort = () => {
    stream.destroy();
    reject(signal.reason);
  };
  signal.addEventListener("abort", abort, { once: true });
  let upgraded = new FieldList();
  socket.on("upgrade", (response: IncomingMessage) => upgraded = fieldsOf(response));
  socket.on("open", () => {
    const webSocket = new UpstreamSocket(socket);
    resolve({ status: 101, headers: upgraded, body: Body.of(new Uint8Array()), webSocket });
  });
  socket.on("unexpected-response", (_request: ClientRequest, response: IncomingMessage) => {
    resolve(refusal(response, stream));
  });
  socket.on("error", (error: Error) => {
    stream.destroy();
    reject(upstreamFailure(faultOf(error)));
  });
  return promise.finally(() => signal.removeEventListener("abort", abort));
}

function protocolsOf(headers: Headers): string[] {
  const offered = headers.get("sec-websocket-protocol") ?? "";
  return offered.split(",").map((name) => name.trim()).filter((name) => name !== "");
}

/** The upstream's response instead of a connection, for the client. */
function refusal(response: IncomingMessage, stream: ConnectionStream): Reply {
  const { statusCode: status = 502 } = response;
  const body = Body.from({
    stream: new ReadableStream({
      async start(controller) {
        try {
          for await (const chunk of response) controller.enqueue(new Uint8Array(chunk));
          controller.close();
        } catch {
          controller.error(new UpstreamFault("closed", "the response ended too early"));
        } finally {
          stream.destroy();
        }
      },
      cancel: () => void stream.destroy(),
    }),
  });
  return { status, headers: fieldsOf(response), body };
}

function fieldsOf({ rawHeaders }: IncomingMessage): FieldList {
  const fields = new FieldList();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    if (!HANDSHAKE.has(name)) fields.append(name, rawHeaders[at + 1] ?? "");
  }
  return fields;
}

function faultOf(error: Error & { readonly code?: string }): UpstreamFault {
  return error.code === "ECONNRESET"
    ? new UpstreamFault("closed", "the connection ended before a response came")
    : new UpstreamFault("malformed", `the WebSocket handshake failed: ${error.message}`);
}
