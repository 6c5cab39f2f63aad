import { assert, assertEquals } from "@std/assert";
import type { CallRecord } from "../../../lib/core/trace.ts";
import type { EndedRequest } from "../../../lib/observe/ended_request.ts";
import { RecentFigures } from "../../../lib/observe/recent_figures.ts";
import { kindOf, RecentRequests } from "../../../lib/observe/recent_requests.ts";
import { Ring } from "../../../lib/observe/ring.ts";
import { KEPT_SECONDS, Seconds } from "../../../lib/observe/seconds.ts";
import { Traffic } from "../../../lib/observe/traffic.ts";

function ended(changes: Partial<EndedRequest> = {}): EndedRequest {
  return {
    id: "r",
    route: "GET /a",
    isOwn: false,
    client: "c",
    method: "GET",
    status: 200,
    problem: undefined,
    ended: undefined,
    isInBatch: false,
    time: 0,
    arrivedAt: 0,
    durationMs: 10,
    traceId: undefined,
    cache: undefined,
    parts: [],
    calls: [],
    waits: [],
    ...changes,
  };
}

Deno.test("traffic: seconds have rates and latencies; a second without requests has none", () => {
  const seconds = new Seconds();
  for (let index = 0; index < 100; index++) {
    seconds.add(1_000 + index, index < 98 ? 10 : 500, index < 3, index < 2);
  }
  seconds.add(3_500, 20, false, false);
  const last = seconds.last(4_200);
  assertEquals(last.length, KEPT_SECONDS);
  const [first, none, one] = last.slice(-3);
  assertEquals([first?.requests, first?.failed, first?.limited], [100, 3, 2]);
  const { p50, p95, p99 } = first ?? {};
  assert(p50 && p50 >= 10 && p50 < 11.1, `${p50}`);
  assert(p95 === p50 && p99 && p99 >= 500 && p99 < 551, `${p99}`);
  assertEquals([none?.requests, none?.p50], [0, null]);
  assertEquals(one?.requests, 1);
  const late = seconds.last(1_000 * KEPT_SECONDS + 4_000);
  assertEquals(late.reduce((sum, { requests }) => sum + requests, 0), 0, "all are too long ago");
});

Deno.test("traffic: figures cover half a minute to a minute, and no more", () => {
  const figures = new RecentFigures();
  figures.add(29_000, 5, true);
  figures.add(31_000, 5, false);
  const { count, failed, seconds } = figures.at(59_000);
  assertEquals([count, failed, seconds], [2, 1, 59]);
  assertEquals([figures.at(61_000).count, figures.at(61_000).failed], [1, 0]);
  assertEquals([figures.at(91_000).count, figures.at(91_000).p50], [0, null]);
  figures.add(500_000, 5, false);
  assertEquals(figures.at(500_000).count, 1, "what was long ago is not the window before");
});

Deno.test("traffic: a ring is bounded by count and by bytes", () => {
  const byCount = new Ring<{ bytes: number }>({ maxCount: 3, maxBytes: 100 });
  for (let bytes = 1; bytes <= 5; bytes++) byCount.push({ bytes });
  assertEquals([...byCount].map(({ bytes }) => bytes), [5, 4, 3]);
  assertEquals(byCount.bytes, 12);
  const byBytes = new Ring<{ bytes: number }>({ maxCount: 3, maxBytes: 10 });
  for (const bytes of [4, 5, 6, 11]) byBytes.push({ bytes });
  assertEquals([...byBytes].map(({ bytes }) => bytes), [6]);
  assertEquals(byBytes.bytes, 6);
});

Deno.test("traffic: failed and slow requests outlive the ordinary ones", () => {
  const recent = new RecentRequests();
  const add = (changes: Partial<EndedRequest>) => {
    const request = ended(changes);
    recent.add(request, kindOf(request) === "failed");
  };
  for (let index = 0; index < 100; index++) add({ id: `first ${index}` });
  add({ id: "failed", status: 502 });
  add({ id: "slow", durationMs: 100 });
  add({ id: "refused", status: 404 });
  for (let index = 0; index < 2_000; index++) add({ id: `later ${index}`, arrivedAt: 5_000 });
  assertEquals(recent.find("first 0"), undefined);
  assertEquals(recent.find("refused"), undefined);
  assertEquals(recent.find("failed")?.request.status, 502);
  assertEquals(recent.find("slow")?.isSlow, true);
  assertEquals(recent.list({ kind: "failed" }, 10).map(({ request }) => request.id), ["failed"]);
  assertEquals(recent.list({ kind: "slow" }, 10).map(({ request }) => request.id), ["slow"]);
  assertEquals(recent.list({ route: "GET /b" }, 10), []);
  assertEquals(recent.list({}, 10).length, 10);
});

Deno.test("traffic: a route that always fails does not push out what failed before", () => {
  const recent = new RecentRequests();
  recent.add(ended({ id: "before", route: "GET /rare", status: 500 }), true);
  for (let index = 0; index < 100_000; index++) {
    const arrivedAt = index; // 1,000 a second
    recent.add(ended({ id: `${index}`, status: 500, arrivedAt }), true);
  }
  assert(recent.find("before"));
});

Deno.test("traffic: routes, parts and upstreams have their own figures; own routes do not count", () => {
  const traffic = new Traffic();
  const part = { startedAt: 0, durationMs: 4, problem: undefined, cache: undefined };
  traffic.requestEnded(ended({
    parts: [
      { ...part, part: "a" },
      { ...part, part: "b", problem: "upstream-timeout" },
      { ...part, part: "c", problem: "cancelled" },
      { ...part, part: "d", problem: "input-failed", startedAt: undefined },
    ],
  }));
  traffic.requestEnded(ended({ isOwn: true, route: undefined }));
  traffic.requestEnded(ended({ route: undefined, status: 404 }));
  const call: CallRecord = {
    part: "a",
    upstream: "up",
    target: undefined,
    attempt: 1,
    isHedge: false,
    startedAt: 0,
    durationMs: 4,
    status: 503,
    problem: undefined,
    reason: undefined,
    cause: undefined,
  };
  traffic.callEnded(call);
  traffic.callEnded({ ...call, problem: "cancelled" });
  assertEquals(traffic.all(10).count, 2);
  const [route, ...others] = traffic.routes(10);
  assertEquals(others, []);
  const parts = [...route?.parts ?? []].map(([name, { count, failed }]) => [name, count, failed]);
  assertEquals(parts, [["a", 1, 0], ["b", 1, 1]]);
  const { count, failed } = traffic.upstream("up", 10) ?? {};
  assertEquals([count, failed], [1, 1]);
  assertEquals(traffic.upstream("other", 10), undefined);
});
