/** Who has to act for the problem to go away. */
export type Blame = "client" | "gateway" | "upstream" | "input";

/** What is known of a kind of failure. */
export interface KindFacts {
  /** The HTTP status a client gets when this alone fails its request. */
  readonly status: number;
  /** Who has to act. */
  readonly blame: Blame;
  /** The same for every problem of the kind. */
  readonly title: string;
  /** The problem's `type`, where a registry has one; else a path of the gateway's own. */
  readonly type?: string;
  /** What to do about it, for whoever meets it. */
  readonly advice: string;
  /** The RFC 9209 section 2.3 error type, for kinds that concern an upstream. */
  readonly proxyError?: string;
}

/** Every way a request, or a part of one, can fail: the one table behind all problem documents. */
export const KINDS = {
  "bad-request": {
    status: 400,
    blame: "client",
    title: "The request cannot be understood",
    advice: "Read the detail and send the request again, corrected.",
  },
  "not-found": {
    status: 404,
    blame: "client",
    title: "There is nothing here",
    advice: "Check the path; no route of this gateway matches it.",
  },
  "method-not-allowed": {
    status: 405,
    blame: "client",
    title: "This path does not answer this method",
    advice: "Use a method that the Allow header names.",
  },
  "request-timeout": {
    status: 408,
    blame: "client",
    title: "The request body did not arrive in time",
    advice: "Send the request again, over a faster connection or with a smaller body.",
  },
  "payload-too-large": {
    status: 413,
    blame: "client",
    title: "The request body is too large",
    advice: "Send less; the detail says how much is taken.",
  },
  "unauthorized": {
    status: 401,
    blame: "client",
    title: "The client is not known",
    advice: "Send the key that the operator of this gateway gave you.",
  },
  "forbidden": {
    status: 403,
    blame: "client",
    title: "The request may not be made from there, or in this way",
    advice: "Read the detail: it says from where, and how, this may be asked.",
  },
  "quota-exceeded": {
    status: 429,
    blame: "client",
    title: "The client asks more than it may",
    type: "https://iana.org/assignments/http-problem-types#quota-exceeded",
    advice: "Wait as long as Retry-After says; the RateLimit headers tell how much is left.",
  },
  "cancelled": {
    status: 499,
    blame: "client",
    title: "The client did not wait for the answer",
    advice: "Nothing: this is for the gateway's log, and no client sees it.",
  },
  "internal": {
    status: 500,
    blame: "gateway",
    title: "The gateway failed",
    advice: "Report it with the instance, which finds it in the gateway's log.",
  },
  "not-implemented": {
    status: 501,
    blame: "gateway",
    title: "The gateway cannot do this",
    advice: "Do without; the detail says what is not supported.",
  },
  "overloaded": {
    status: 503,
    blame: "gateway",
    title: "Too much is asked at the moment",
    advice: "Wait as long as Retry-After says, then ask again.",
    proxyError: "connection_limit_reached",
  },
  "limiter-unavailable": {
    status: 503,
    blame: "gateway",
    title: "The gateway cannot count requests at the moment",
    advice: "Ask again a little later; the operator should see whether the store runs.",
  },
  "loop": {
    status: 508,
    blame: "gateway",
    title: "The request came back to the gateway it went through",
    advice: "Tell the operator: an upstream's address leads back to the gateway.",
    proxyError: "proxy_loop_detected",
  },
  "upstream-refused": {
    status: 404,
    blame: "upstream",
    title: "The upstream refused the request",
    advice: "Take it as that upstream's own answer; the status is the one it gave.",
    proxyError: "http_request_denied",
  },
  "upstream-unreachable": {
    status: 502,
    blame: "upstream",
    title: "The upstream cannot be reached",
    advice: "Ask again later; the operator should see whether the upstream runs.",
    proxyError: "destination_unavailable",
  },
  "upstream-invalid": {
    status: 502,
    blame: "upstream",
    title: "The upstream's answer cannot be used",
    advice: "Ask again later; the operator should look at what the upstream sends.",
    proxyError: "http_protocol_error",
  },
  "upstream-error": {
    status: 502,
    blame: "upstream",
    title: "The upstream failed",
    advice: "Ask again later; the operator should look at the upstream's own log.",
    proxyError: "http_protocol_error",
  },
  "upstream-timeout": {
    status: 504,
    blame: "upstream",
    title: "The upstream did not answer in time",
    advice: "Ask again; the operator may give the upstream a longer timeout.",
    proxyError: "http_response_timeout",
  },
  "deadline-exceeded": {
    status: 504,
    blame: "upstream",
    title: "The request's deadline passed",
    advice: "Ask again; the operator may give the route a longer deadline.",
    proxyError: "http_response_timeout",
  },
  "input-failed": {
    status: 502,
    blame: "input",
    title: "A part that this one needs failed",
    advice: "Look at the problem of that other part, which the detail names.",
  },
  "input-invalid": {
    status: 502,
    blame: "input",
    title: "What a part answered cannot be used to ask another",
    advice: "Ask again later; the operator should look at what that part's upstream sends.",
  },
  "too-many-items": {
    status: 502,
    blame: "input",
    title: "A list has more items than may be asked for",
    advice: "The operator may raise the part's max, or have the upstream send a shorter list.",
  },
} as const satisfies Record<string, KindFacts>;

/** The name of a way to fail, as it ends a problem document's `type`. */
export type Kind = keyof typeof KINDS;

/** What a {@linkcode GatewayError} may carry besides its kind and detail. */
export interface GatewayErrorOptions {
  /** Replaces the kind's own HTTP status; an upstream's refusal passes its status on. */
  readonly status?: number;
  /** The status that an upstream responded with, where that is what failed. */
  readonly receivedStatus?: number;
  /** Headers that the answer must carry: `Retry-After`, `Allow`, `WWW-Authenticate`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The failed parts behind the failure of a whole gather. */
  readonly failures?: readonly PartFailure[];
  /** Members that the problem document has besides the usual ones (RFC 9457 section 3.2). */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** What lies behind it. Logged, never shown to a client. */
  readonly cause?: unknown;
}

/** A part of a gather and what it failed with. */
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
  /** What it is called in a stack trace. */
  override readonly name = "GatewayError";
  /** Which way it failed. */
  readonly kind: Kind;
  /** The HTTP status a client gets when this fails its whole request. */
  readonly status: number;
  /** The status that an upstream responded with, where that is what failed. */
  readonly receivedStatus: number | undefined;
  /** Headers that the answer must carry. */
  readonly headers: Readonly<Record<string, string>>;
  /** The failed parts behind the failure of a whole gather; else empty. */
  readonly failures: readonly PartFailure[];
  /** Members that the problem document has besides the usual ones. */
  readonly extensions: Readonly<Record<string, unknown>>;

  /**
   * An error of that kind.
   * @param detail what happened, in words that any client may read
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

/** Any thrown value as a GatewayError: what is not one already was our own mistake. */
export function toGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError("internal", "an unexpected error; the gateway's log has it", {
    cause: thrown,
  });
}

/** @param limit how many bytes a client may send */
export function payloadTooLarge(limit: number): GatewayError {
  return new GatewayError("payload-too-large", `the request body is larger than ${limit} bytes`);
}

/** @param allowed the methods that the path answers */
export function methodNotAllowed(
  method: string,
  path: string,
  allowed: readonly string[],
): GatewayError {
  return new GatewayError("method-not-allowed", `${path} does not answer ${method}`, {
    headers: { allow: allowed.join(", ") },
  });
}
