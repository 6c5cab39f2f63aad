import { type BareItem, type Item, serializeList, Token } from "structured-headers";
import { BodyTooLarge } from "../core/body.ts";
import { type GatewayError, type KindFacts, KINDS } from "../core/errors.ts";
import { isList } from "./is_list.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../core/upstream_fault.ts";

const HEADER = "proxy-status";

/** The error type (RFC 9209 section 2.3) of each connection fault. */
const FAULTS: Readonly<Record<UpstreamFaultReason, string>> = {
  "refused": "connection_refused",
  "no-such-host": "dns_error",
  "unreachable": "destination_ip_unroutable",
  "connect-timeout": "connection_timeout",
  "certificate-expired": "tls_certificate_error",
  "certificate-unknown": "tls_certificate_error",
  "certificate-name": "tls_certificate_error",
  "certificate": "tls_certificate_error",
  "private-address": "destination_ip_prohibited",
  "client-certificate": "tls_alert_received",
  "tls": "tls_protocol_error",
  "reset": "connection_terminated",
  "closed": "connection_terminated",
  "malformed": "http_protocol_error",
  "head-too-large": "http_response_header_section_size",
  "timeout": "http_response_timeout",
  "other": "destination_unavailable",
};

/** A failure, or a status that is passed on. */
export interface ProxyOutcome {
  /** The error; absent if there was a response. */
  readonly error?: GatewayError;
  /** The status that the upstream responded with. */
  readonly receivedStatus?: number;
  /** Details that are safe to show to clients. */
  readonly details?: string;
}

/**
 * Returns the `Proxy-Status` member (RFC 9209 section 2) of a failure. An upstream's own status is
 * `received-status` without an error. Undefined if no upstream is concerned.
 * @param proxy the gateway's name
 */
export function proxyStatusOf(
  proxy: string,
  { error, receivedStatus = error?.receivedStatus, details }: ProxyOutcome,
): Item | undefined {
  const type = receivedStatus === undefined && error ? errorType(error) : undefined;
  if (type === undefined && receivedStatus === undefined) return undefined;
  const parameters = new Map<string, BareItem>();
  if (type !== undefined) parameters.set("error", new Token(type));
  if (receivedStatus !== undefined) parameters.set("received-status", receivedStatus);
  if (details !== undefined) parameters.set("details", details);
  return [new Token(proxy), parameters];
}

/**
 * Appends members to a response's `Proxy-Status`, after those of proxies nearer to the origin. A
 * malformed value is dropped, because it would invalidate the whole field.
 */
export function addProxyStatus(headers: Headers, members: readonly Item[]): void {
  if (members.length === 0) return;
  if (!isList(headers.get(HEADER))) headers.delete(HEADER);
  headers.append(HEADER, serializeList([...members]));
}

function errorType({ kind, cause }: GatewayError): string | undefined {
  const { proxyError }: KindFacts = KINDS[kind];
  if (cause instanceof BodyTooLarge) return "http_response_body_size";
  if (!(cause instanceof UpstreamFault)) return proxyError;
  const isCutOff = cause.reason === "reset" || cause.reason === "closed";
  // A response that had begun differs from none.
  return kind === "upstream-invalid" && isCutOff
    ? "http_response_incomplete"
    : FAULTS[cause.reason];
}
