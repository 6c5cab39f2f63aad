import { assertEquals, assertThrows } from "@std/assert";
import { wrongIn } from "../../../bench/http/measure.ts";
import { WORKLOADS } from "../../../bench/http/workloads.ts";
import { milliseconds, parseWrk } from "../../../bench/http/wrk.ts";

const OUTPUT = `Running 3s test @ http://127.0.0.1:8000
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.09ms    1.31ms  50.18ms   99.02%
    Req/Sec    31.31k     1.10k   33.00k    80.00%
  Latency Distribution
     50%    1.98ms
     75%    2.11ms
     90%    2.38ms
     99%    1.02s 
  93750 requests in 3.01s, 119.21MB read
  Socket errors: connect 1, read 2, write 3, timeout 40
  Non-2xx or 3xx responses: 750
Requests/sec:  31146.18
Transfer/sec:     39.60MB
`;

Deno.test("wrk: every figure of its output is read", () => {
  assertEquals(parseWrk(OUTPUT), {
    requests: 93_750,
    perSecond: 31_146.18,
    p50Ms: 1.98,
    p99Ms: 1_020,
    not2xx: 750,
    socketErrors: 46,
  });
});

Deno.test("wrk: no line about errors means none", () => {
  const output = OUTPUT.replace(/.*(?:Socket errors|Non-2xx).*\n/g, "");
  const { not2xx, socketErrors } = parseWrk(output);
  assertEquals([not2xx, socketErrors], [0, 0]);
});

Deno.test("wrk: output without figures is an error", () => {
  assertThrows(() => parseWrk("unable to connect to 127.0.0.1:1 Connection refused"), Error, "wrk");
});

Deno.test("wrk: each of its units of time is read", () => {
  const texts = ["500.00us", "1.50ms", "1.02s", "2.00m", "1.00h", "-nan", "12"];
  assertEquals(texts.map(milliseconds), [0.5, 1.5, 1_020, 120_000, 3_600_000, NaN, NaN]);
});

Deno.test("wrk: 429 is right where requests are denied, and wrong elsewhere", () => {
  const report = parseWrk(OUTPUT);
  const wrong = (name: string) =>
    WORKLOADS.filter((workload) => workload.name === name)
      .map((workload) => wrongIn(report, workload));
  assertEquals(wrong("allowed"), [750 + 46]);
  assertEquals(wrong("denied"), [93_000 + 46]);
});
