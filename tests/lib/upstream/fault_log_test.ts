import { assertEquals } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { faultLine } from "../../../lib/upstream/fault_line.ts";
import { FaultLog, type FaultReport } from "../../../lib/upstream/fault_log.ts";
import { upstreamFailure, UpstreamFault } from "../../../lib/core/upstream_fault.ts";
import { testContext } from "../../support/context.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const refused = upstreamFailure(new UpstreamFault("refused", "Connection refused"));
const reset = upstreamFailure(new UpstreamFault("reset", "Connection reset"));
const late = new GatewayError("upstream-timeout", "no response within 50 ms");
const gone = new GatewayError("cancelled", "the client went away");

function play() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const repeated: FaultReport[] = [];
  const log = new FaultLog("users", clock, (report) => {
    if (report.isRepeated) repeated.push(report);
    else lines.push(faultLine(report));
  });
  return {
    clock,
    lines,
    repeated,
    call(error?: Error): void {
      if (error) log.failed(error, testContext());
      else log.succeeded();
    },
  };
}

Deno.test("a reason is reported once in full, then once a minute with the number of failed calls", async () => {
  const { clock, lines, call } = play();
  for (let count = 0; count < 4; count++) call(refused);
  assertEquals(lines, ["refused (1 call): Connection refused"]);
  await clock.advance(60_000);
  call(refused);
  assertEquals(lines.slice(1), ["refused (4 calls): Connection refused"]);
});

Deno.test("each reason is reported separately, and so is recovery", () => {
  const { lines, call } = play();
  call();
  for (const error of [refused, reset, late, reset]) call(error);
  call();
  call();
  assertEquals(lines, [
    "refused (1 call): Connection refused",
    "reset (1 call): Connection reset",
    "timeout (1 call): no response within 50 ms",
    "responds again; 4 calls failed",
  ]);
});

Deno.test("an upstream that fails now and then does not fill the log", () => {
  const { lines, call } = play();
  for (let count = 0; count < 1_000; count++) call(count % 2 === 0 ? refused : undefined);
  assertEquals(lines, ["refused (1 call): Connection refused", "responds again; 1 call failed"]);
});

Deno.test("a client that leaves says nothing of an upstream", () => {
  const { lines, call } = play();
  call(gone);
  call();
  assertEquals(lines, []);
});

Deno.test("a circuit breaker that opens and closes has a line each, however often", () => {
  const lines: string[] = [];
  const log = new FaultLog("users", new ManualClock(), (report) => lines.push(faultLine(report)));
  for (let time = 0; time < 2; time++) {
    log.breakerChanged("breaker-opened", "12 failed and 3 were slow", 20);
    log.breakerChanged("breaker-closed");
  }
  assertEquals(lines, [
    "circuit breaker opened: of 20 calls, 12 failed and 3 were slow",
    "circuit breaker closed",
    "circuit breaker opened: of 20 calls, 12 failed and 3 were slow",
    "circuit breaker closed",
  ]);
});

Deno.test("each target has its own first report, and the request that failed is named", () => {
  const reports: FaultReport[] = [];
  const clock = new ManualClock();
  const log = new FaultLog("users", clock, (report) => reports.push(report), "http://one");
  const failures = [undefined, "http://two", "http://two"].map((target) =>
    Object.assign(upstreamFailure(new UpstreamFault("refused", "no")), { target })
  );
  const trace = { id: "req-1", parts: [], route: "GET /" };
  for (const [index, failure] of failures.entries()) {
    log.failed(failure, { ...testContext(), trace, attempt: index + 1 });
  }
  assertEquals(
    reports.map(({ target, isRepeated, call }) => [target, isRepeated, call?.attempt]),
    [["http://one", false, 1], ["http://two", false, 2], ["http://two", true, 3]],
  );
  assertEquals(reports[0]?.call, {
    id: "req-1",
    traceId: undefined,
    route: "GET /",
    attempt: 1,
    problem: "upstream-unreachable",
  });
});

Deno.test("what was reported before is marked, and counted in the next report", async () => {
  const { clock, lines, repeated, call } = play();
  for (let count = 0; count < 3; count++) call(refused);
  assertEquals([lines.length, repeated.length], [1, 2]);
  await clock.advance(60_000);
  call(refused);
  assertEquals(lines.at(-1), "refused (3 calls): Connection refused");
});
