import { assert } from "@std/assert";
import { Overload } from "../../../lib/async/overload.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import type { Source } from "../../../lib/core/source.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { partStack } from "../../../lib/upstream/stack.ts";
import { upstreamState } from "../../../lib/upstream/upstream_state.ts";
import { testCall, testContext } from "../../support/context.ts";
import { gatherOf } from "../../support/gather_of.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { Random } from "../../support/random.ts";
import { testLimiter } from "../../support/test_limiter.ts";
import { testCache } from "../../support/test_cache.ts";

/** Calls that the upstream handles best at once, and the throughput that it then has. */
const BEST_CONCURRENCY = 8;
const BASE_MS = 20;
const BEST_PER_S = 1_000 * BEST_CONCURRENCY / (2 * BASE_MS);
const DEADLINE_MS = 1_000;
const SECONDS = 20;

/** An upstream that gets slower the more it has to do; its throughput collapses beyond its best. */
function overloadable(clock: ManualClock): Source {
  let running = 0;
  return async (_call, { signal }) => {
    running++;
    try {
      await clock.sleep(BASE_MS * (1 + (running / BEST_CONCURRENCY) ** 2), signal);
      return json(1);
    } finally {
      running--;
    }
  };
}

/**
 * Requests for a required and an optional part of that upstream, at random times.
 * @param knowsImportance whether the policies may tell the two apart
 */
async function play(requestsPerS: number, knowsImportance: boolean) {
  const clock = new ManualClock();
  const random = new Random(7);
  const { routes: [route] } = parseConfig({
    upstreams: {
      it: {
        url: "http://it.example",
        timeout: "300ms",
        retry: { attempts: 2 },
        concurrency: { max: BEST_CONCURRENCY, queue: 2 * BEST_CONCURRENCY },
      },
    },
    routes: {
      "GET /": { gather: { main: { from: "it" }, extra: { from: "it", optional: true } } },
    },
  }, () => undefined);
  if (!route || !("parts" in route)) throw new Error("there is no gather");
  const [first] = route.parts;
  if (!first) throw new Error("there are no parts");
  const upstream = upstreamState(first.upstream, overloadable(clock), clock);
  const overload = new Overload({ lagMs: () => 0, now: () => 0 });
  const cache = testCache(clock);
  const parts = route.parts.map((part) => {
    const limiter = testLimiter(clock);
    const deps = {
      upstream,
      overload,
      cache,
      limiter,
      knowsClients: false,
      clock,
      random: Math.random,
    };
    const stack = partStack(part, deps);
    const source: Source = (call, ctx) =>
      stack(call, knowsImportance ? ctx : { ...ctx, isOptional: false });
    const { name, optional } = part;
    const call = () => testCall({ path: `/${name}/${random.int(0, 1e9)}` });
    return { name, optional, source, call };
  });
  const gather = gatherOf(parts, { clock });

  const counts = { asked: 0, required: 0, optional: 0 };
  const latencies: number[] = [];
  const ask = async () => {
    const startedAt = clock.monotonic();
    counts.asked++;
    const deadline = startedAt + DEADLINE_MS;
    const reply = await gather(testCall(), testContext({ deadline })).catch(() => undefined);
    if (!reply) return;
    counts.required++;
    if (!reply.failures) counts.optional++;
    latencies.push(clock.monotonic() - startedAt);
  };
  const pending: Promise<void>[] = [];
  while (clock.monotonic() < SECONDS * 1_000) {
    await clock.advance(-Math.log(1 - random.int(0, 999) / 1_000) * 1_000 / requestsPerS);
    pending.push(ask());
  }
  await clock.advance(2 * DEADLINE_MS);
  await Promise.all(pending);
  latencies.sort((a, b) => a - b);
  return {
    required: counts.required / counts.asked,
    optional: counts.optional / counts.asked,
    goodput: (counts.required + counts.optional) / SECONDS / BEST_PER_S,
    p50: latencies[latencies.length >> 1],
    p99: latencies[Math.floor(latencies.length * 0.99)],
  };
}

for (const perS of [120, 160, 180]) {
  Deno.test(`an overloaded upstream, ${perS} requests/s with two parts: required ones succeed`, async () => {
    const without = await play(perS, false);
    const importance = await play(perS, true);
    assert(importance.required >= 0.99, `${importance.required} of required parts`);
    assert(without.required < 0.95, `${without.required} where all parts are equal`);
    assert(importance.goodput >= 0.9, `${importance.goodput} of the best throughput`);
  });
}
