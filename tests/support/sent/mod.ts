import { BODILESS, INTERIM } from "./bodiless.ts";
import { CHUNKS } from "./chunks.ts";
import { BEYOND, EARLY_ENDS } from "./ends.ts";
import { CONNECTIONS, LENGTHS, TRANSFER_CODINGS } from "./framings.ts";
import { HEADER_LINES } from "./header_lines.ts";
import type { SentResponse } from "./sent_response.ts";
import { STATUS_LINES } from "./status_lines.ts";

/** Responses as upstreams send them, as they should not, and as an attacker would, by topic. */
export const SENT_RESPONSES: Readonly<Record<string, readonly SentResponse[]>> = {
  "status lines": STATUS_LINES,
  "header lines": HEADER_LINES,
  "lengths": LENGTHS,
  "transfer codings": TRANSFER_CODINGS,
  "connections": CONNECTIONS,
  "chunks": CHUNKS,
  "interim responses": INTERIM,
  "no body": BODILESS,
  "early ends": EARLY_ENDS,
  "bytes beyond the end": BEYOND,
};
