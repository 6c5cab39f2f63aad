import { UpstreamFault, type UpstreamFaultReason } from "../core/upstream_fault.ts";

/** The platform distinguishes most failures only by message; the first match counts. */
const WORDS: readonly (readonly [RegExp, UpstreamFaultReason])[] = [
  [/connection refused/i, "refused"],
  [/lookup address|dns error|no address|not known/i, "no-such-host"],
  [/unreachable|no route|timed out|not available/i, "unreachable"],
  // Alerts are about the certificate of whoever gets them.
  [/fatal alert: (?:\w*certificate\w*|unknownca|accessdenied)/i, "client-certificate"],
  [/certificate.*expired/i, "certificate-expired"],
  [/certificate.*unknown ?issuer/i, "certificate-unknown"],
  [/certificate.*not valid for name/i, "certificate-name"],
  [/certificate/i, "certificate"],
  [/corrupt message|handshake|received fatal alert|peer is incompatible|\btls\b/i, "tls"],
  [/head is too large/i, "head-too-large"],
  [/reset by peer|broken pipe|connection aborted/i, "reset"],
  [/before message completed|unexpected eof|close_notify|connection closed/i, "closed"],
  [/parsed|invalid|malformed/i, "malformed"],
];

/** fetch's messages begin with the URL, which may contain a secret. */
const FETCH_PREFIX = /^error sending request.*?client error \(\w+\): /s;

/** Converts an error of the platform to a typed fault. */
export function faultOf(error: unknown): UpstreamFault {
  if (error instanceof UpstreamFault) return error;
  const { message } = innermost(error);
  const words = message.replace(FETCH_PREFIX, "");
  const reason = WORDS.find(([pattern]) => pattern.test(words))?.[1] ?? "other";
  // An unknown message could contain the URL.
  const isTold = words !== message || !message.includes("://");
  return new UpstreamFault(reason, isTold ? words : "the request could not be sent");
}

function innermost(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.cause instanceof Error ? innermost(error.cause) : error;
}
