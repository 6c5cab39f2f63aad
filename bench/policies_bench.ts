import { Body } from "../lib/core/body.ts";
import { systemClock as clock } from "../lib/core/clock.ts";
import { SharedCalls } from "../lib/policies/coalesce/shared_calls.ts";
import { accept } from "../lib/policies/accept/accept.ts";
import { buffer } from "../lib/policies/buffer.ts";
import { bulkhead } from "../lib/policies/bulkhead.ts";
import { coalesce } from "../lib/policies/coalesce/coalesce.ts";
import { retry } from "../lib/policies/retry/retry.ts";
import { shape } from "../lib/policies/shape.ts";
import { timeout } from "../lib/policies/timeout.ts";
import { RetryBudget } from "../lib/policies/retry/retry_budget.ts";
import { Semaphore } from "../lib/async/semaphore.ts";
import type { Context, Policy, Source } from "../lib/core/source.ts";

/** What each policy adds to one call when nothing goes wrong: its row less the first. */
const bytes = new TextEncoder().encode("1");
const reply = { status: 200, headers: new Headers(), body: Body.of(bytes) };
const source: Source = async () => await reply;

const policies: Readonly<Record<string, Policy>> = {
  "no policy": (next) => next,
  "shape, a selection": shape({ select: [] }),
  "accept, of one digit": accept({ as: "json", clock }),
  "coalesce, one caller": coalesce({ calls: new SharedCalls(), scope: "" }),
  "retry, never needed": retry({
    attempts: 3,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET"]),
    budget: new RetryBudget({ share: 0.2, minPerSecond: 3, clock }),
    clock,
    random: Math.random,
  }),
  "bulkhead, a free slot": bulkhead({ semaphore: new Semaphore({ max: 64, queue: 1 }), clock }),
  "timeout, in time": timeout({ timeoutMs: 5_000, clock }),
  "buffer, all there": buffer({ maxBytes: 1024 }),
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
  };
  Deno.bench({ name, baseline: name === "no policy" }, async () => {
    await guarded(call, ctx);
  });
}
