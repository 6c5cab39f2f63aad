import { assert, assertEquals } from "@std/assert";
import { GatewayError } from "../../lib/core/errors.ts";
import type { PartRecord } from "../../lib/core/trace.ts";
import {
  upstreamFailure,
  UpstreamFault,
  type UpstreamFaultReason,
} from "../../lib/core/upstream_fault.ts";
import { LEVELS } from "../../lib/log/level.ts";
import { Log } from "../../lib/log/log.ts";
import type { LogEntry } from "../../lib/log/log_entry.ts";
import { jsonLogLine, readableLogLine } from "../../lib/log/log_line.ts";
import { faultLine } from "../../lib/upstream/fault_line.ts";
import { FaultLog, type FaultReport } from "../../lib/upstream/fault_log.ts";
import { logFault } from "../../lib/upstream/log_fault.ts";
import { logAudit } from "../../routes/audit.ts";
import { accessEntry } from "../../middleware/access_entry.ts";
import { jsonLine, readableLine } from "../../middleware/access_line.ts";
import type { LoggedRequest } from "../../middleware/logged_request.ts";
import { testContext } from "../support/context.ts";
import { ManualClock } from "../support/manual_clock.ts";

const DOCUMENT = await Deno.readTextFile(new URL("../../docs/observe.md", import.meta.url));
const LOGS = DOCUMENT.slice(DOCUMENT.indexOf("\n## Logs"));

/** All of them, which the compiler checks. */
const REASONS: Readonly<Record<UpstreamFaultReason, true>> = {
  "refused": true,
  "no-such-host": true,
  "unreachable": true,
  "private-address": true,
  "connect-timeout": true,
  "certificate-expired": true,
  "certificate-unknown": true,
  "certificate-name": true,
  "certificate": true,
  "client-certificate": true,
  "tls": true,
  "reset": true,
  "closed": true,
  "malformed": true,
  "head-too-large": true,
  "timeout": true,
  "other": true,
};

/** The words in the first column of the table that begins with a heading. */
function columnOf(heading: string): string[] {
  const lines = LOGS.slice(LOGS.indexOf(`\n| ${heading} `)).trimStart().split("\n");
  const rows = lines.slice(2, lines.findIndex((line) => !line.startsWith("|")));
  return rows.flatMap((row) => /^\| `([\w-]+)`/.exec(row)?.[1] ?? []);
}

const AT = Date.UTC(2026, 0, 1, 14, 3, 7, 123);
const fault = new UpstreamFault("refused", "Connection refused (os error 111)");
const error = upstreamFailure(fault);
const trace = {
  id: "0b0f6a3e",
  traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  route: "GET /home/:id",
  parts: [
    { part: "orders", durationMs: 3.1 },
    { part: "profile", durationMs: 11.9, error },
  ] satisfies PartRecord[],
};
const request: LoggedRequest = {
  c: {
    webSocket: undefined,
    trace,
    method: "GET",
    path: "/home/7",
    route: trace.route,
    // A required part's failure is the request's, without its cause.
    error: new GatewayError(error.kind, error.message),
    response: undefined,
  },
  arrivedAt: AT,
  tookMs: 12.3,
  client: "mobile",
  cutShort: undefined,
};

/** What is logged of a refused call, and more of each kind of line. */
function entries(): LogEntry[] {
  const written: LogEntry[] = [];
  const write = (entry: LogEntry) => written.push(entry);
  const log = new Log({ clock: { wall: () => AT + 12 }, level: "debug", write });
  const report = (report: FaultReport) => logFault(log, report);
  const faults = new FaultLog("users", new ManualClock(), report, "http://10.0.0.5:9001");
  faults.failed(error, { ...testContext(), trace });
  log.failure(new Error("a defect"), { id: trace.id });
  const audited = { id: trace.id, operator: "ana", action: "DELETE /_gateway/cache?all" };
  logAudit(log, { ...audited, address: "203.0.113.7", status: 200 });
  log.write("error", "lines were dropped", { dropped: 1 });
  return written;
}

Deno.test("docs/observe.md has a row for each field of the log, and no other", () => {
  const cut = { ...request, cutShort: { cutOff: true, ended: "send-timeout" } } as const;
  const withCause = { ...cut, c: { ...cut.c, error } };
  const lines = [accessEntry(withCause), ...entries()].map((entry) => JSON.stringify(entry));
  const fields = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line))));
  assertEquals(columnOf("Field").sort(), [...fields].sort());
  const row = LOGS.split("\n").find((line) => line.startsWith("| `parts`")) ?? "";
  for (const field of Object.keys(accessEntry(request).parts?.[1] ?? {})) {
    assert(row.includes(`\`${field}\``), field);
  }
});

Deno.test("docs/observe.md has a row for each level and each cause, and no other", () => {
  assertEquals(columnOf("Level"), [...LEVELS]);
  assertEquals(columnOf("Cause"), Object.keys(REASONS));
});

Deno.test("the lines that docs/observe.md shows are those that are written", () => {
  const [entry] = entries();
  assert(entry !== undefined);
  const shown = [
    jsonLine(request),
    jsonLogLine(entry),
    readableLine(accessEntry(request), false),
    readableLogLine(entry, false),
    ...entries().slice(0, 1).map(({ message }) => message),
    ...([
      { reason: "refused", cause: fault.message, count: 212, target: "http://10.0.0.5:9001" },
      { reason: "recovered", cause: "", count: 230 },
      {
        reason: "ejected",
        cause: "for 5 s: refused (Connection refused (os error 111))",
        count: 1,
        target: "http://10.0.0.5:9001",
      },
      { reason: "breaker-opened", cause: "12 failed and 3 were slow", count: 20 },
    ] as const).map((report) => faultLine({ upstream: "users", ...report })),
  ];
  for (const line of shown) assert(LOGS.includes(line), line);
});
