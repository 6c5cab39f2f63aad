import { assert } from "@std/assert";
import { Admission } from "../../../lib/async/admission.ts";
import { Overload } from "../../../lib/async/overload.ts";
import { Random } from "../../support/random.ts";

/** What the CPU needs (ms) for a request, for each of its parts, and to refuse one. */
const REQUEST_MS = 0.25;
const PART_MS = 0.1;
const REFUSAL_MS = 0.02;
/** One required part and two optional ones, from upstreams that need as long as this. */
const PARTS = 3;
const UPSTREAM_MS = 20;
/** Requests that the CPU can handle: all their parts, and the required one alone (each second). */
const FULL_PER_S = 1_000 / (REQUEST_MS + PARTS * PART_MS);
const LEAST_PER_S = 1_000 / (REQUEST_MS + PART_MS);

interface Reply {
  readonly dueAt: number;
  readonly parts: number;
  readonly arrivedAt: number;
}

/** An event loop under load: its time is that of the work in it, its turns are the admission's. */
async function play(perS: number, seconds: number, maxLagMs: number | undefined) {
  const random = new Random(3);
  const { signal } = new AbortController();
  const counts = { arrived: 0, whole: 0, partial: 0, refused: 0, changes: 0 };
  const latencies: number[] = [];
  const replies: Reply[] = [];
  let now = 0;
  let work = 0;
  let dropped = false;
  using admission = new Admission(() => now);
  const overload = new Overload({ maxLagMs, lagMs: () => admission.lagMs, now: () => now });

  const begin = (arrivedAt: number) => {
    const drops = overload.dropsOptional;
    if (drops !== dropped) counts.changes++;
    dropped = drops;
    work += REQUEST_MS / 2;
    replies.push({ dueAt: now + UPSTREAM_MS, parts: drops ? 1 : PARTS, arrivedAt });
  };
  const arrive = (arrivedAt: number) => {
    counts.arrived++;
    if (!overload.enter()) {
      counts.refused++;
      work += REFUSAL_MS;
      return;
    }
    const place = admission.enter(signal);
    if (place) place.then(() => begin(arrivedAt));
    else begin(arrivedAt);
  };
  const finish = ({ parts, arrivedAt }: Reply) => {
    overload.leave();
    work += REQUEST_MS / 2 + parts * PART_MS;
    latencies.push(now + work - arrivedAt);
    if (parts === PARTS) counts.whole++;
    else counts.partial++;
  };

  const gapMs = () => -Math.log(1 - random.int(0, 9_999) / 10_000) * 1_000 / perS;
  let nextAt = gapMs();
  while (now < seconds * 1_000) {
    // Responses are processed first; then requests are taken from the server, and a timer fires.
    while (replies[0] && replies[0].dueAt <= now) finish(replies.shift() ?? replies[0]);
    for (; nextAt <= now; nextAt += gapMs()) arrive(nextAt);
    now += Math.max(work, 1);
    work = 0;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  latencies.sort((a, b) => a - b);
  return {
    ...counts,
    servedPerS: (counts.whole + counts.partial) / seconds,
    p50: latencies[latencies.length >> 1] ?? NaN,
    p99: latencies[Math.floor(latencies.length * 0.99)] ?? NaN,
  };
}

Deno.test("simulation: below its capacity a gateway sheds nothing", async () => {
  const result = await play(0.8 * FULL_PER_S, 4, 100);
  assert(result.refused === 0 && result.partial === 0 && result.p99 < 100);
});

Deno.test("simulation: beyond its capacity it leaves out optional parts, and serves all requests", async () => {
  const result = await play(1.25 * FULL_PER_S, 6, 100);
  assert(result.refused < 0.01 * result.arrived, `${result.refused} requests refused`);
  assert(result.p99 < 250, `p99 ${result.p99} ms`);
  assert(result.whole > 0.2 * result.arrived, `${result.whole} responses were complete`);
  assert(result.changes <= 12, `${result.changes} changes in 6 s`);
});

for (const times of [1.5, 3]) {
  Deno.test(`simulation: at ${times} times what it can serve at least, it refuses the rest early`, async () => {
    const result = await play(times * LEAST_PER_S, 4, 100);
    // What refusals cost is lost to all.
    const best = (1_000 - (times - 1) * LEAST_PER_S * REFUSAL_MS) / 1_000 * LEAST_PER_S;
    assert(result.servedPerS > 0.9 * best, `${result.servedPerS} of ${best} per s`);
    assert(result.p99 < 250, `p99 ${result.p99} ms`);
  });
}

Deno.test("simulation: without limits, all requests wait longer and longer", async () => {
  const result = await play(1.5 * LEAST_PER_S, 4, undefined);
  assert(result.p50 > 500, `p50 ${result.p50} ms`);
});
