import { GatewayError, type Kind } from "./errors.ts";

/** What went wrong between the gateway and an upstream. */
export type UpstreamFaultReason =
  | "refused"
  | "no-such-host"
  | "unreachable"
  | "certificate"
  | "tls"
  | "reset"
  | "closed"
  | "malformed"
  | "head-too-large"
  | "other";

/**
 * Why an upstream could not be reached, or its response not be read: the `cause` of
 * `upstream-unreachable` and `upstream-invalid`. It is for the log, never for a client.
 */
export class UpstreamFault extends Error {
  /** What it is called in a stack trace. */
  override readonly name = "UpstreamFault";

  /** @param message the system's own words, without URLs, headers or bodies */
  constructor(
    /** Which way it went wrong. */
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

/** What a client reads of each reason: general, but never wrong. */
const DETAILS: Readonly<Record<UpstreamFaultReason, readonly [kind: Kind, detail: string]>> = {
  "refused": NOT_CONNECTED,
  "no-such-host": NOT_CONNECTED,
  "unreachable": NOT_CONNECTED,
  "certificate": NOT_SECURE,
  "tls": NOT_SECURE,
  "reset": LOST,
  "closed": LOST,
  "malformed": ["upstream-invalid", "the upstream's response is malformed"],
  "head-too-large": ["upstream-invalid", "the head of the upstream's response is too large"],
  "other": ["upstream-unreachable", "the upstream could not be asked"],
};

/** The error that a call fails with before its response has begun; the fault is its cause. */
export function upstreamFailure(fault: UpstreamFault): GatewayError {
  const [kind, detail] = DETAILS[fault.reason];
  return new GatewayError(kind, detail, { cause: fault });
}
