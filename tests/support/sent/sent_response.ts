import type { UpstreamFaultReason } from "../../../lib/core/upstream_fault.ts";

/** What comes of a response. */
export type Outcome =
  | { readonly status: number; readonly body: string }
  /** The call fails. */
  | { readonly fault: UpstreamFaultReason }
  /** The head is good, and the body fails. */
  | { readonly broken: UpstreamFaultReason };

/** What `fetch` does with a response that the sockets read otherwise. */
export type FetchDifference = Partial<Pick<SentResponse, "outcome" | "headers" | "isReused">>;

/** Bytes that an upstream sends, and what comes of them. */
export interface SentResponse {
  readonly name: string;
  /** One character a byte. */
  readonly bytes: string;
  readonly outcome: Outcome;
  /** Of the request; default GET. */
  readonly method?: string;
  /** Whether the connection serves another request after it; default: where it has an end. */
  readonly isReused?: boolean;
  /** Whether the upstream ends the connection after it. */
  readonly ends?: boolean;
  /** Headers that come of it; null: no such header. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** Where `transport: "fetch"` differs. */
  readonly fetch?: FetchDifference;
}

/** The beginning of most. */
export const OK = "HTTP/1.1 200 OK";
/** The header of a body in chunks. */
export const CHUNKED = "Transfer-Encoding: chunked";
/** A second response, which nobody asked for. */
export const EVIL = `${OK}\r\nContent-Length: 4\r\n\r\nevil`;

/** The outcome of a response with the status 200. */
export function ok(body: string): Outcome {
  return { status: 200, body };
}

/** The head of a response with the status 200. */
export function head(...lines: readonly string[]): string {
  return [OK, ...lines, "", ""].join("\r\n");
}

/** A response with an empty body and these headers. */
export function empty(...lines: readonly string[]): string {
  return head(...lines, "Content-Length: 0");
}

/** A body in chunks, after its head. */
export function chunked(...lines: readonly string[]): string {
  return head(CHUNKED) + lines.join("\r\n") + "\r\n";
}

/** A response that is read: with the body `ok`, unless it says otherwise. */
export function good(
  name: string,
  bytes: string,
  more: Partial<SentResponse> = {},
): SentResponse {
  return { name, bytes, outcome: ok("ok"), ...more };
}

/** A response whose head is refused. */
export function bad(name: string, bytes: string, more: Partial<SentResponse> = {}): SentResponse {
  return { name, bytes, outcome: { fault: "malformed" }, ...more };
}

/** A response whose body is refused. */
export function broken(
  name: string,
  bytes: string,
  more: Partial<SentResponse> = {},
): SentResponse {
  return { name, bytes, outcome: { broken: "malformed" }, ...more };
}

/** A response that ends too early. */
export function early(
  name: string,
  bytes: string,
  more: Partial<SentResponse> = {},
): SentResponse {
  return { name, bytes, outcome: { broken: "closed" }, ends: true, ...more };
}

/** `fetch` reads it as if nothing were wrong. */
export function lenient(body = "ok", more: FetchDifference = {}): { fetch: FetchDifference } {
  return { fetch: { outcome: ok(body), isReused: true, ...more } };
}
