import { Body } from "../lib/core/body.ts";
import { systemClock as clock } from "../lib/core/clock.ts";
import { SharedCalls } from "../lib/policies/coalesce/shared_calls.ts";
import { accept } from "../lib/policies/accept/accept.ts";
import { bucketShape } from "../lib/limiter/bucket.ts";
import { Limiter } from "../lib/limiter/limiter.ts";
import { MemoryStore } from "../lib/limiter/stores/memory_store.ts";
import { adaptive } from "../lib/policies/adaptive/adaptive.ts";
import { AdaptiveLimit } from "../lib/policies/adaptive/adaptive_limit.ts";
import { breaker } from "../lib/policies/breaker/breaker.ts";
import { Circuit } from "../lib/policies/breaker/circuit.ts";
import { watchCalls } from "../lib/policies/breaker/watch_calls.ts";
import { buffer } from "../lib/policies/buffer.ts";
import { bulkhead } from "../lib/policies/bulkhead.ts";
import { coalesce } from "../lib/policies/coalesce/coalesce.ts";
import { hedge } from "../lib/policies/hedge/hedge.ts";
import { HedgeBudget } from "../lib/policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../lib/policies/hedge/hedge_delay.ts";
import { rate } from "../lib/policies/rate.ts";
import { retry } from "../lib/policies/retry/retry.ts";
import { shape } from "../lib/policies/shape.ts";
import { target } from "../lib/policies/target/target.ts";
import { TargetSet } from "../lib/policies/target/target_set.ts";
import { timeout } from "../lib/policies/timeout.ts";
import { RetryBudget } from "../lib/policies/retry/retry_budget.ts";
import { Admission } from "../lib/async/admission.ts";
import { Overload } from "../lib/async/overload.ts";
import { RecentLatencies } from "../lib/policies/shed/recent_latencies.ts";
import { shed } from "../lib/policies/shed/shed.ts";
import { Semaphore } from "../lib/async/semaphore.ts";
import type { Context, Policy, Source } from "../lib/core/source.ts";

/** What each policy adds to one call when nothing goes wrong: its row less the first. */
const bytes = new TextEncoder().encode("1");
const reply = { status: 200, headers: new Headers(), body: Body.of(bytes) };
const source: Source = async () => await reply;

/** That many targets that respond at once. */
function targetsOf(count: number): TargetSet {
  const targets = new TargetSet({ clock, random: Math.random, report: () => {} });
  targets.update(Array.from({ length: count }, (_, index) => {
    const name = `${index}`;
    return { key: name, name, weight: 1, source };
  }));
  return targets;
}

const circuit = new Circuit({
  windowMs: 10_000,
  minCalls: 20,
  failureRate: 0.5,
  slowAfterMs: 2_000,
  slowRate: 0.8,
  openForMs: 10_000,
  probes: 2,
});

const admission = new Admission(clock.monotonic);
const overload = new Overload({
  maxInFlight: 2_000,
  maxLagMs: 100,
  lagMs: () => admission.lagMs,
  now: clock.monotonic,
});

const policies: Readonly<Record<string, Policy>> = {
  "no policy": (next) => next,
  "shape, a selection": shape({ select: [] }),
  "accept, of one digit": accept({ as: "json", clock }),
  "coalesce, one caller": coalesce({ calls: new SharedCalls(), scope: "" }),
  "shed, an optional part": shed({ overload, latencies: new RecentLatencies(), clock }),
  "overload, a request below its limits": (next) => (call, ctx) => {
    if (!overload.enter()) throw new Error("overloaded");
    overload.leave();
    return next(call, ctx);
  },
  "retry, never needed": retry({
    attempts: 3,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET"]),
    budget: new RetryBudget({ share: 0.2, minPerSecond: 3, clock }),
    clock,
    random: Math.random,
  }),
  "hedge, in time": hedge({
    delay: new HedgeDelay({ ms: 5_000 }, clock),
    budget: new HedgeBudget(0.05),
    retryBudget: new RetryBudget({ share: 0.2, minPerSecond: 3, clock }),
    countsCalls: true,
    methods: new Set(["GET"]),
    clock,
  }),
  "hedge, in time, by percentile": hedge({
    delay: new HedgeDelay({ quantile: 0.95 }, clock),
    budget: new HedgeBudget(0),
    retryBudget: new RetryBudget({ share: 0, minPerSecond: 0, clock }),
    countsCalls: false,
    methods: new Set(["GET"]),
    clock,
  }),
  "rate, in memory, never reached": rate({
    upstream: "up",
    limiter: new Limiter({
      store: new MemoryStore(clock),
      clock,
      random: Math.random,
      maxBuckets: 1000,
    }),
    shape: bucketShape(1_000_000, 1_000, 1_000_000),
    waitMs: 1_000,
    queue: 100,
  }),
  "breaker, closed": (next) =>
    breaker({ circuit, clock })(watchCalls({ circuit, clock, onChange() {} })(next)),
  "bulkhead, a free slot": bulkhead({ semaphore: new Semaphore({ max: 64, queue: 1 }), clock }),
  "bulkhead, adaptive": (next) => {
    const semaphore = new Semaphore({ max: 64, queue: 1 });
    const limit = new AdaptiveLimit({ min: 4, max: 200, semaphore, clock });
    return bulkhead({ semaphore, clock })(adaptive({ limit, clock })(next));
  },
  "timeout, in time": timeout({ timeoutMs: 5_000, clock }),
  "buffer, all there": buffer({ maxBytes: 1024 }),
  "target, the only one": target({ targets: targetsOf(1), clock }),
  "target, one of three": target({ targets: targetsOf(3), clock }),
};

for (const [name, policy] of Object.entries(policies)) {
  const guarded = policy(source);
  const call = { method: "GET", path: "/7", headers: new Headers() };
  const { signal } = new AbortController();
  const ctx: Context = {
    signal,
    deadline: Infinity,
    client: { address: "127.0.0.1" },
    trace: { id: "bench", parts: [] },
    background() {},
    isOptional: true,
  };
  Deno.bench({ name, baseline: name === "no policy" }, async () => {
    await guarded(call, ctx);
  });
}
