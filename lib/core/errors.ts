/** Who has to act to fix a problem. */
export type Blame = "client" | "gateway" | "upstream" | "input";

/** The facts about a kind of failure. */
export interface KindFacts {
  /** The HTTP status a client gets when this alone fails its request. */
  readonly status: number;
  /** Who has to act. */
  readonly blame: Blame;
  /** The problem's `title`: the same for every problem of the kind (RFC 9457 section 3.1.3). */
  readonly title: string;
  /** The problem's `type`, if IANA has registered one; otherwise the gateway's own path. */
  readonly type?: string;
  /** What the client or the operator can do about it. */
  readonly advice: string;
  /** The RFC 9209 section 2.3 error type, for kinds that concern an upstream. */
  readonly proxyError?: string;
}

/** Every way a request, or a part of one, can fail: the one table behind all problem documents. */
export const KINDS = {
  "bad-request": {
    status: 400,
    blame: "client",
    title: "Bad request",
    advice: "Correct what the detail names, and send the request again.",
  },
  "not-found": {
    status: 404,
    blame: "client",
    title: "No route matches this path",
    advice: "Check the path; the gateway has no route for it.",
  },
  "method-not-allowed": {
    status: 405,
    blame: "client",
    title: "Method not allowed",
    advice: "Use one of the methods in the Allow header.",
  },
  "request-timeout": {
    status: 408,
    blame: "client",
    title: "Request body timed out",
    advice: "Send the request again, with a smaller body or over a faster connection.",
  },
  "payload-too-large": {
    status: 413,
    blame: "client",
    title: "Request body too large",
    advice: "Send a smaller body; the detail names the limit.",
  },
  "unsupported-media-type": {
    status: 415,
    blame: "client",
    title: "Unsupported media type",
    advice: "Send the body in a media type that Accept-Query names.",
  },
  "unauthorized": {
    status: 401,
    blame: "client",
    title: "Not authenticated",
    advice: "Send valid credentials, of a kind that WWW-Authenticate names.",
  },
  "forbidden": {
    status: 403,
    blame: "client",
    title: "Request not permitted",
    advice: "Read the detail: it names what is missing or not permitted.",
  },
  "quota-exceeded": {
    status: 429,
    blame: "client",
    title: "Rate limit exceeded",
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    advice: "Wait as long as Retry-After says; the RateLimit header shows what is left.",
  },
  "cancelled": {
    status: 499,
    blame: "client",
    title: "Client closed the connection",
    advice: "None needed: only the gateway's log shows this, no client receives it.",
  },
  "internal": {
    status: 500,
    blame: "gateway",
    title: "Internal gateway error",
    advice: "Report it with the instance, which identifies the request in the gateway's log.",
  },
  "not-implemented": {
    status: 501,
    blame: "gateway",
    title: "Not supported by this gateway",
    advice: "Send the request without what the detail names.",
  },
  "overloaded": {
    status: 503,
    blame: "gateway",
    title: "Overloaded",
    advice: "Wait as long as Retry-After says, then try again.",
    proxyError: "connection_limit_reached",
  },
  "breaker-open": {
    status: 503,
    blame: "gateway",
    title: "Circuit breaker open",
    advice: "Wait as long as Retry-After says; the operator should check the upstream.",
    proxyError: "destination_unavailable",
  },
  "limiter-unavailable": {
    status: 503,
    blame: "gateway",
    title: "Rate limits unavailable",
    advice: "Try again later; the operator should check the gateway's store.",
  },
  "auth-unavailable": {
    status: 503,
    blame: "gateway",
    title: "Authentication unavailable",
    advice: "Try again later; the operator should check what authenticates clients.",
  },
  "loop": {
    status: 508,
    blame: "gateway",
    title: "Loop detected",
    advice: "Tell the operator: an upstream's URL leads back to this gateway.",
    proxyError: "proxy_loop_detected",
  },
  "upstream-refused": {
    status: 404,
    blame: "upstream",
    title: "Upstream rejected the request",
    advice: "Treat it as the upstream's own response; the status is the one it sent.",
    proxyError: "http_request_denied",
  },
  "upstream-unreachable": {
    status: 502,
    blame: "upstream",
    title: "Upstream unreachable",
    advice: "Try again later; the operator should check that the upstream is running.",
    proxyError: "destination_unavailable",
  },
  "upstream-invalid": {
    status: 502,
    blame: "upstream",
    title: "Invalid upstream response",
    advice: "Try again later; the operator should check what the upstream sends.",
    proxyError: "http_protocol_error",
  },
  "upstream-error": {
    status: 502,
    blame: "upstream",
    title: "Upstream failed",
    advice: "Try again later; the operator should check the upstream's log.",
    proxyError: "http_protocol_error",
  },
  "upstream-timeout": {
    status: 504,
    blame: "upstream",
    title: "Upstream timed out",
    advice: "Try again; the operator may increase the upstream's timeout.",
    proxyError: "http_response_timeout",
  },
  "deadline-exceeded": {
    status: 504,
    blame: "upstream",
    title: "Request deadline exceeded",
    advice: "Try again; the operator may increase the route's deadline.",
    proxyError: "http_response_timeout",
  },
  "not-begun": {
    status: 504,
    blame: "upstream",
    title: "Too little time left",
    advice: "Try again; the operator may increase the route's deadline.",
    proxyError: "destination_unavailable",
  },
  "input-failed": {
    status: 502,
    blame: "input",
    title: "Dependency failed",
    advice: "See the problem of the part that the detail names.",
  },
  "input-invalid": {
    status: 502,
    blame: "input",
    title: "Invalid data from another part",
    advice: "Try again later; the operator should check what that part's upstream sends.",
  },
  "too-many-items": {
    status: 502,
    blame: "input",
    title: "Too many items in a list",
    advice: "The operator may raise the part's max, or have the upstream send a shorter list.",
  },
} as const satisfies Record<string, KindFacts>;

/** The name of a kind of failure: the last segment of a problem document's `type`. */
export type Kind = keyof typeof KINDS;

/** Options of a {@linkcode GatewayError}. */
export interface GatewayErrorOptions {
  /** Replaces the kind's own HTTP status; an upstream's refusal passes its status on. */
  readonly status?: number;
  /** The status that an upstream responded with, where that is what failed. */
  readonly receivedStatus?: number;
  /** Headers that the response must carry: `Retry-After`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The failed parts behind the failure of a whole gather. */
  readonly failures?: readonly PartFailure[];
  /** Extension members of the problem document (RFC 9457 section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** The underlying error. Logged, never shown to a client. */
  readonly cause?: unknown;
}

/** A failed part of a gather, and its error. */
export interface PartFailure {
  /** The part's name. */
  readonly part: string;
  /** Which item of its list failed, counted from 0; absent when the part failed as a whole. */
  readonly index?: number;
  /** Why it failed. */
  readonly error: GatewayError;
}

/** The only thing a Source rejects with. Its message is safe to show to any client. */
export class GatewayError extends Error {
  /** The name in a stack trace. */
  override readonly name = "GatewayError";
  /** The kind of failure. */
  readonly kind: Kind;
  /** The HTTP status a client gets when this fails its whole request. */
  readonly status: number;
  /** The status that an upstream responded with, where that is what failed. */
  readonly receivedStatus: number | undefined;
  /** Headers that the response must carry. */
  readonly headers: Readonly<Record<string, string>>;
  /** The failed parts behind the failure of a whole gather; else empty. */
  readonly failures: readonly PartFailure[];
  /** Extension members of the problem document. */
  readonly extensions: Readonly<Record<string, unknown>>;
  /** The target of the upstream whose failure it is, where it has several. For the log. */
  target: string | undefined;

  /**
   * Creates an error of a kind.
   * @param detail what happened, safe to show to any client
   */
  constructor(kind: Kind, detail: string, options: GatewayErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.status = options.status ?? KINDS[kind].status;
    this.receivedStatus = options.receivedStatus;
    this.headers = options.headers ?? {};
    this.failures = options.failures ?? [];
    this.extensions = options.extensions ?? {};
  }

  /** Who has to act. */
  get blame(): Blame {
    return KINDS[this.kind].blame;
  }
}

/** Converts any thrown value to a GatewayError: `internal` unless it already is one. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("internal", "an unexpected error; see the gateway's log", {
    cause: thrown,
  });
}

/**
 * Returns the error for a request body that is too large.
 * @param limit the largest body (bytes)
 */
export function payloadTooLarge(limit: number): GatewayError {
  return new GatewayError("payload-too-large", `the request body is larger than ${limit} bytes`);
}

/**
 * Returns the error for a method that a path does not have, with its `Allow` header.
 * @param allowed the path's methods
 */
export function methodNotAllowed(
  method: string,
  path: string,
  allowed: readonly string[],
): GatewayError {
  return new GatewayError("method-not-allowed", `${path} does not allow ${method}`, {
    headers: { allow: allowed.join(", ") },
  });
}
