import { getPath } from "hono/utils/url";
import type { GatewayError } from "../lib/core/errors.ts";
import { FieldList } from "../lib/core/field_list.ts";
import type { Trace } from "../lib/core/trace.ts";
import { parseTarget, type Target } from "../lib/http/path.ts";
import type { SendOutcome } from "../lib/http/response_sender.ts";
import type { BridgeEnd } from "../lib/transport/web_socket/bridge.ts";
import type { OperatorIdentity } from "../lib/operator/operator_token.ts";
import type { Grant } from "../lib/limiter/limit.ts";
import type { Bindings } from "./bindings.ts";
import type { Lifetime, RequestContext } from "./lifetime.ts";
import type { ResponseDraft } from "./response_draft.ts";

const NO_PARAMS: Readonly<Record<string, string>> = {};

/**
 * One request in middleware and routes, with what the gateway knows of it. All of it lives until the
 * upstreams have responded, so it is one object with plain fields.
 */
export class Exchange {
  readonly request: Request;
  readonly env: Bindings;
  readonly method: string;
  /** The request target; undefined for an invalid one. */
  readonly maybeTarget: Target | undefined;
  /** The path that routes are matched with: decoded, where it can be. */
  readonly path: string;
  /** The request's headers, read once: each look into Deno's own costs a call of the platform. */
  readonly headers: Headers;
  /** The matched route's parameters, decoded. */
  params = NO_PARAMS;
  /** On the monotonic clock (ms). */
  arrivedAt = 0;
  /** The key of the matched route; undefined until one has matched. */
  route: string | undefined;
  /** Ends the request at its deadline; undefined until a route has matched. */
  lifetime: Lifetime | undefined;
  /** Why the client is refused once its limits have counted it; undefined when it is not. */
  refusal: GatewayError | undefined;
  /** The turn of the event loop in which its calls began. */
  turn = 0;
  /** What the rate limit has granted. */
  grant: Grant | undefined;
  /** Who uses the operator's routes; undefined on any other route, and until it is known. */
  operator: OperatorIdentity | undefined;
  /** The response; undefined until there is one. */
  response: ResponseDraft | undefined;
  /** Why the request failed; undefined when it did not. */
  error: GatewayError | undefined;
  /** Settles when a response that streams records has ended; undefined for any other. */
  streaming: Promise<void> | undefined;
  /** Resolves to how sending ended, for a response that is sent in pieces; undefined for any other. */
  sending: Promise<SendOutcome> | undefined;
  /** How its WebSocket connection has ended; undefined for any other request, and until then. */
  webSocket: BridgeEnd | undefined;
  #trace: Trace | undefined;

  constructor(request: Request, env: Bindings) {
    this.request = request;
    this.env = env;
    this.method = request.method;
    const target = this.maybeTarget = parseTarget(request.url);
    const isPlain = target !== undefined && !target.pathname.includes("%");
    this.path = isPlain ? target.pathname : getPath(request);
    this.headers = new FieldList(request.headers);
  }

  /** What logs and response headers report; set by the first middleware. */
  get trace(): Trace {
    return this.#trace ?? missing("trace");
  }

  set trace(trace: Trace) {
    this.#trace = trace;
  }

  /** The request target, once it was found to be valid. */
  get target(): Target {
    return this.maybeTarget ?? missing("target");
  }

  /** The Context of the request's calls, once a route has matched. */
  get ctx(): RequestContext {
    return this.lifetime?.ctx ?? missing("context");
  }
}

function missing(what: string): never {
  throw new Error(`the request has no ${what} yet`);
}
