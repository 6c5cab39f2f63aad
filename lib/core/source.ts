import type { BackgroundTask } from "./background.ts";
import type { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { CachedFacts } from "./cached_facts.ts";
import type { BufferAccount } from "./buffer_budget.ts";
import type { PartFailure } from "./errors.ts";
import type { Span } from "./span.ts";
import type { CallRecord, Trace } from "./trace.ts";
import type { UpstreamWebSocket, WebSocketOffer } from "./web_socket.ts";

/**
 * An async function from a call to a reply: an upstream, with or without policies. It rejects only
 * with a GatewayError.
 */
export type Source = (call: Call, ctx: Context) => Promise<Reply>;

/** Wraps a Source in another one, such as a retry, a timeout or a cache. */
export type Policy = (next: Source) => Source;

/** A call to an upstream. */
export interface Call {
  /** The method, in capitals. */
  readonly method: string;
  /** Path and query as sent, percent-encoded: `/users/9?lang=de`. */
  readonly path: string;
  /** The headers; never modified, but copied. */
  readonly headers: Headers;
  /** Absent if the call has no body. */
  readonly body?: Body | undefined;
  /** Whether the config says that the call changes nothing, whatever its method (default false). */
  readonly isSafe?: boolean;
  /**
   * Identifies the method and the content of a safe call, so that its replies can be shared (default:
   * those of a call with a body are not).
   */
  readonly contentKey?: string | undefined;
  /**
   * Identifies the values of the headers that the gateway added, for cache keys; absent if it added
   * none.
   */
  readonly headerKey?: string | undefined;
  /** Whether the Authorization header is the gateway's own, not a client's. */
  readonly hasOwnAuthorization?: boolean;
  /** Whether headers such as Cookie are specific to one client, and not part of `key`. */
  readonly isPersonal?: boolean;
  /** The route's parameters, decoded. */
  readonly params?: Readonly<Record<string, string>>;
  /** The claims of the authenticated client, on a client's own request; absent without any. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** The JSON of the parts that the part's `map` function receives. */
  readonly parts?: Readonly<Record<string, Bytes>>;
  /** Sends it in one call with others; absent for a call of its own. */
  readonly sendWithOthers?: ((ctx: Context) => Promise<Reply>) | undefined;
  /** Set to ask for a WebSocket connection; absent for any other call. */
  readonly webSocket?: WebSocketOffer | undefined;
}

/** A reply of an upstream, whatever its status. */
export interface Reply {
  /** The status, from 200 to 599; 101 with `webSocket`. */
  readonly status: number;
  /** The end-to-end headers. */
  readonly headers: Headers;
  /** The body; empty if there is none. */
  readonly body: Body;
  /** Failures of items or pages that are missing from the body; absent if it is complete. */
  readonly failures?: readonly PartFailure[];
  /** The replies that it was assembled from; absent for a single reply. */
  readonly madeOf?: readonly Reply[];
  /** How a cache handled the call; absent if none did. */
  readonly cached?: CachedFacts;
  /** The connection that the call asked for, if the upstream has accepted it. */
  readonly webSocket?: UpstreamWebSocket;
}

/** The context of one request, passed through every layer. */
export interface Context {
  /** Aborts when the reply is no longer needed; the reason is a GatewayError. */
  readonly signal: AbortSignal;
  /**
   * When the reply is due, on the monotonic clock (ms): the request's deadline, or within an
   * attempt the end of that attempt.
   */
  readonly deadline: number;
  /** The client that sent the request. */
  readonly client: Client;
  /** What logs and response headers report about the request. */
  readonly trace: Trace;
  /** The span that the calls are part of; undefined while OpenTelemetry is off. */
  readonly span?: Span | undefined;
  /** Starts work that continues after the response. */
  readonly background: (task: BackgroundTask) => void;
  /**
   * Whether the response is useful without the reply, so that others go first where there is not
   * enough for all (default false). It can become false while the call waits: see SingleFlight.
   */
  readonly isOptional?: boolean | undefined;
  /** The budget account of the request's buffered bodies; absent if they are not counted. */
  readonly buffers?: BufferAccount | undefined;
  /**
   * The targets that attempts of this call were sent to so far; a further attempt prefers another one.
   * Absent where there is only one attempt.
   */
  readonly tried?: object[] | undefined;
  /** Which attempt of the call it is, from 1 (default: the first). */
  readonly attempt?: number | undefined;
  /** Whether the attempt is made because the first one is slow (default false). */
  readonly isHedge?: boolean | undefined;
  /** The record of this attempt; absent outside of one, and while nobody observes. */
  readonly record?: CallRecord | undefined;
}

/** The client of a request. */
export interface Client {
  /** The client's address, as reported by the nearest peer or a trusted proxy. */
  readonly address: string;
  /** The client's name, if it sent the key of a known client. */
  readonly name?: string;
  /** The client's tier, for which limits can have other rates. */
  readonly tier?: string;
  /** What the client's token, or the service that was asked, says about it; absent without any. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** Composes policies around a source, outermost first: `guard(source, a, b)` is `a(b(source))`. */
export function guard(source: Source, ...policies: readonly Policy[]): Source {
  return policies.reduceRight((next, policy) => policy(next), source);
}
