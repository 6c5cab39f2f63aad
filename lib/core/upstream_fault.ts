import { GatewayError, type Kind } from "./errors.ts";

/** The reasons why a call to an upstream fails. */
export type UpstreamFaultReason =
  | "refused"
  | "no-such-host"
  | "unreachable"
  | "private-address"
  | "connect-timeout"
  | "certificate-expired"
  | "certificate-unknown"
  | "certificate-name"
  | "certificate"
  | "client-certificate"
  | "tls"
  | "reset"
  | "closed"
  | "malformed"
  | "head-too-large"
  | "timeout"
  | "other";

/**
 * The reason why an upstream could not be reached or its response not be read: the `cause` of
 * `upstream-unreachable` and `upstream-invalid`. For the log, never for clients.
 */
export class UpstreamFault extends Error {
  /** The name in a stack trace. */
  override readonly name = "UpstreamFault";

  /** @param message the system's message, without URLs, headers or bodies */
  constructor(
    /** The reason. */
    readonly reason: UpstreamFaultReason,
    message: string,
  ) {
    super(message);
  }
}

const NOT_CONNECTED: [Kind, string] = [
  "upstream-unreachable",
  "no connection to the upstream could be made",
];
const NOT_SECURE: [Kind, string] = [
  "upstream-unreachable",
  "no secure connection to the upstream could be made",
];
const LOST: [Kind, string] = [
  "upstream-unreachable",
  "the connection to the upstream was lost before a response came",
];

/** The kind and the detail for clients of each reason: general, but never wrong. */
const DETAILS: Readonly<Record<UpstreamFaultReason, readonly [kind: Kind, detail: string]>> = {
  "refused": NOT_CONNECTED,
  "no-such-host": NOT_CONNECTED,
  "unreachable": NOT_CONNECTED,
  "private-address": NOT_CONNECTED,
  "connect-timeout": NOT_CONNECTED,
  "certificate-expired": NOT_SECURE,
  "certificate-unknown": NOT_SECURE,
  "certificate-name": NOT_SECURE,
  "certificate": NOT_SECURE,
  "client-certificate": NOT_SECURE,
  "tls": NOT_SECURE,
  "reset": LOST,
  "closed": LOST,
  "malformed": ["upstream-invalid", "the upstream's response is malformed"],
  "head-too-large": ["upstream-invalid", "the head of the upstream's response is too large"],
  "timeout": ["upstream-timeout", "no response in time"],
  "other": ["upstream-unreachable", "the upstream could not be called"],
};

/** Returns the error for a call that failed before its response began; the fault is its cause. */
export function upstreamFailure(fault: UpstreamFault): GatewayError {
  const [kind, detail] = DETAILS[fault.reason];
  return new GatewayError(kind, detail, { cause: fault });
}

/**
 * Returns the error of an aborted call: the signal's reason, but for `upstream-timeout` with the
 * state that the call was in as its cause, for the log.
 */
export function abortedIn(
  state: string,
  fault: "connect-timeout" | "timeout",
  reason: unknown,
): unknown {
  if (!(reason instanceof GatewayError) || reason.kind !== "upstream-timeout") return reason;
  const { kind, message } = reason;
  return new GatewayError(kind, message, {
    cause: new UpstreamFault(fault, `${state} (${message})`),
  });
}
