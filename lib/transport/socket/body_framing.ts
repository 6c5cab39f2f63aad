import type { Bytes } from "../../core/bytes.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import type { Connection } from "./connection.ts";

/** Where the bytes of one body are among those that a connection brings. */
export interface BodyFraming {
  /** Whether all of the body was taken. */
  readonly isDone: boolean;
  /** How many bytes come next of which each is the body's own. */
  readonly plain: number;
  /**
   * Takes what has come from the connection's buffer, into memory of its own; empty when more has
   * to be read first, or the body has ended.
   * @throws {UpstreamFault} `malformed`
   */
  take(connection: Connection): Bytes;
  /** Is told of body bytes that were read past the buffer; at most `plain`. */
  skip(count: number): void;
  /**
   * Is told that the upstream has ended what it sends.
   * @throws {UpstreamFault} `closed`, when more was to come
   */
  end(): void;
}

/** That a body ended before it was whole. */
export function truncated(): UpstreamFault {
  return new UpstreamFault("closed", "the connection ended within the response's body");
}
