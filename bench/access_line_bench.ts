import { GatewayError } from "../lib/core/errors.ts";
import type { PartRecord } from "../lib/core/trace.ts";
import { accessEntry } from "../middleware/access_entry.ts";
import { jsonLine } from "../middleware/access_line.ts";
import type { LoggedRequest } from "../middleware/logged_request.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";

/** Lines are written in batches of about this size (characters). */
const BATCH = 40_000;

const ENCODER = new TextEncoder();
const error = new GatewayError("upstream-timeout", "no response within 400 ms");

/** Requests as they come: no two have the same time, id, or duration. */
function requests(count: number): LoggedRequest[] {
  return Array.from({ length: 1_000 }, (_, index) => {
    const parts = Array.from({ length: count }, (_, part): PartRecord => ({
      part: `part${part}`,
      durationMs: index / 7 + part,
      ...(part === 2 && { error }),
    }));
    return {
      c: {
        trace: { id: crypto.randomUUID(), parts },
        method: "GET",
        path: `/country/${index}`,
        route: "GET /country/:code",
        error: undefined,
        webSocket: undefined,
        response: new ResponseDraft(null),
      },
      arrivedAt: Date.UTC(2026, 0, 1) + index * 3,
      tookMs: index / 7,
      client: "0123456789ab",
      cutShort: undefined,
    };
  });
}

/** Writes the lines of all requests, as the output does. */
function write(all: readonly LoggedRequest[], format: (request: LoggedRequest) => string): void {
  let waiting = "";
  for (const request of all) {
    waiting += format(request) + "\n";
    if (waiting.length < BATCH) continue;
    ENCODER.encode(waiting);
    waiting = "";
  }
}

for (const parts of [0, 3, 10]) {
  const all = requests(parts);
  const group = `1,000 access lines, ${parts} parts`;
  Deno.bench({
    name: `JSON.stringify, ${parts} parts`,
    group,
    baseline: true,
    fn: () => write(all, (request) => JSON.stringify(accessEntry(request))),
  });
  Deno.bench({ name: `jsonLine, ${parts} parts`, group, fn: () => write(all, jsonLine) });
}
