import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GatewayError, type Kind, KINDS } from "../../lib/core/errors.ts";
import type { PartRecord } from "../../lib/core/trace.ts";
import { upstreamFailure, UpstreamFault } from "../../lib/core/upstream_fault.ts";
import { escaped } from "../../lib/log/quoted.ts";
import { accessEntry } from "../../middleware/access_entry.ts";
import { jsonLine, readableLine } from "../../middleware/access_line.ts";
import type { LoggedRequest } from "../../middleware/logged_request.ts";
import { ResponseDraft } from "../../middleware/response_draft.ts";
import { nastyText } from "../support/nasty_text.ts";
import { Random } from "../support/random.ts";

const AT = Date.UTC(2026, 0, 1, 14, 3, 7, 123);

type Facts = Partial<Omit<LoggedRequest, "c"> & LoggedRequest["c"]> & {
  readonly parts?: PartRecord[];
  readonly traceparent?: string;
  readonly id?: string;
  readonly status?: number;
};

function logged(facts: Facts = {}): LoggedRequest {
  const { id = "req-1", traceparent, parts = [], status = 200, error, route } = facts;
  return {
    c: {
      webSocket: undefined,
      trace: { id, parts, ...(traceparent !== undefined && { traceparent }) },
      method: facts.method ?? "GET",
      path: facts.path ?? "/country/IS",
      route,
      error,
      response: new ResponseDraft(null, { status }),
    },
    arrivedAt: facts.arrivedAt ?? AT,
    tookMs: facts.tookMs ?? 12.3,
    client: facts.client ?? "0123456789ab",
    cutShort: facts.cutShort,
  };
}

function readable(facts: Facts, isColoured = false): string {
  return readableLine(accessEntry(logged(facts)), isColoured);
}

const REFUSED = upstreamFailure(new UpstreamFault("refused", "Connection refused"));
const LATE = new GatewayError("upstream-timeout", "no response");
const PARTS: PartRecord[] = [
  { part: "country", durationMs: 3 },
  { part: "holidays", durationMs: 11.2, error: LATE },
  { part: "zones", durationMs: 0.04, error: REFUSED },
];
const TRACE = "0af7651916cd43dd8448eb211c80319c";

Deno.test("a line for machines has all that is known of a request", () => {
  const line = jsonLine(logged({
    route: "GET /country/:code",
    traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
    parts: PARTS,
    error: REFUSED,
  }));
  assertEquals(JSON.parse(line), {
    time: "2026-01-01T14:03:07.123Z",
    level: "warn",
    message: "request",
    id: "req-1",
    traceId: TRACE,
    method: "GET",
    path: "/country/IS",
    route: "GET /country/:code",
    status: 502,
    durationMs: 12.3,
    client: "0123456789ab",
    problem: "upstream-unreachable",
    cause: "refused",
    parts: [
      { part: "country", durationMs: 3 },
      { part: "holidays", durationMs: 11.2, problem: "upstream-timeout" },
      { part: "zones", durationMs: 0, problem: "upstream-unreachable", cause: "refused" },
    ],
  });
});

Deno.test("property: the line is JSON.stringify's of the entry, whatever a request has", () => {
  const random = new Random(16);
  const text = () => nastyText(random) + random.pick(["", "\u202e", "\x9b", "\x1b[2J"]);
  const kinds = Object.keys(KINDS).filter((kind): kind is Kind => kind in KINDS);
  const ms = () => random.bool(0.1) ? 0 : random.int(0, 1e9) / 10 ** random.int(0, 9);
  const errorOf = () => {
    if (random.bool(0.7)) return undefined;
    const cause = random.bool() ? new UpstreamFault("certificate-expired", text()) : undefined;
    return new GatewayError(random.pick(kinds), text(), { cause });
  };
  for (let count = 0; count < 5_000; count++) {
    const parts = random.list(0, 3, (): PartRecord => {
      const error = errorOf();
      return { part: text(), durationMs: ms(), ...(error && { error }) };
    });
    const request = logged({
      id: text(),
      method: text(),
      path: text(),
      client: text(),
      route: random.bool() ? text() : undefined,
      ...(random.bool() && { traceparent: `00-${TRACE}-b7ad6b7169203331-01` }),
      status: random.int(200, 599),
      error: errorOf(),
      parts,
      arrivedAt: AT + random.int(0, 1e12),
      tookMs: ms(),
      cutShort: random.bool()
        ? undefined
        : random.pick([{ cutOff: true } as const, { ended: "send-timeout" } as const]),
    });
    const line = jsonLine(request);
    assertEquals(line, escaped(JSON.stringify(accessEntry(request))));
    assertEquals(JSON.parse(line), accessEntry(request));
    assertMatch(line, /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]*$/u);
  }
});

Deno.test("a line is a warning if the response is a 5xx, or was cut short", () => {
  const level = (facts: Facts) => JSON.parse(jsonLine(logged(facts))).level;
  assertEquals([200, 404, 499, 500, 504].map((status) => level({ status })), [
    "info",
    "info",
    "info",
    "warn",
    "warn",
  ]);
  assertEquals(level({ cutShort: { ended: "send-timeout" } }), "warn");
});

Deno.test("a line for people has the time, the status, the request and how long it took", () => {
  assertEquals(readable({}), "14:03:07 200 GET /country/IS 12.3ms");
});

Deno.test("a line for people names what failed, and why", () => {
  assertEquals(
    readable({ error: LATE, parts: PARTS }),
    "14:03:07 504 GET /country/IS 12.3ms  upstream-timeout  " +
      "country 3ms · holidays 11.2ms upstream-timeout · zones 0ms upstream-unreachable (refused)",
  );
});

for (const [status, code] of [[200, 32], [302, 36], [404, 33], [500, 31]] as const) {
  Deno.test(`${status} has the colour ${code} on a terminal`, () => {
    assertStringIncludes(readable({ status }, true), `\x1b[${code}m${status}\x1b[0m`);
  });
}

for (
  const hostile of [
    "\n",
    "\r",
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "\x00",
    "\x7f",
    "\u2028",
    "\u202e",
  ]
) {
  const code = hostile.charCodeAt(0).toString(16);
  const name = `U+${code.padStart(4, "0").toUpperCase()} and ${hostile.length - 1} more`;
  const path = `/x${hostile}14:03:07 200 GET /forged`;

  Deno.test(`a path with ${name} writes no line of its own and moves no terminal`, () => {
    assertMatch(readable({ path }), /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
    const line = jsonLine(logged({ path }));
    assertEquals(JSON.parse(line).path, path);
    assertMatch(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u);
  });
}
