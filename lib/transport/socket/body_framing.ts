import type { Bytes } from "../../core/bytes.ts";
import { UpstreamFault } from "../../core/upstream_fault.ts";
import type { Connection } from "./connection.ts";

/** Extracts the bytes of a body from those of a connection. */
export interface BodyFraming {
  /** Whether the body is complete. */
  readonly isDone: boolean;
  /** The number of next bytes that all belong to the body. */
  readonly plain: number;
  /**
   * Copies the available body bytes from the connection's buffer; empty if more must be read first,
   * or the body has ended.
   * @throws {UpstreamFault} `malformed`
   */
  take(connection: Connection): Bytes;
  /** Counts body bytes that were read without the buffer; at most `plain`. */
  skip(count: number): void;
  /**
   * Handles the end of the upstream's data.
   * @throws {UpstreamFault} `closed` if the body is incomplete
   */
  end(): void;
}

/** Returns the fault for a truncated body. */
export function truncated(): UpstreamFault {
  return new UpstreamFault("closed", "the connection ended within the response's body");
}
