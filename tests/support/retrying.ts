import { Body } from "../../lib/core/body.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { retry, type RetryOptions } from "../../lib/policies/retry/retry.ts";
import { RetryBudget, type RetryBudgetOptions } from "../../lib/policies/retry/retry_budget.ts";
import type { Call, Context, Reply } from "../../lib/core/source.ts";
import { testCall, testContext } from "./context.ts";
import { ManualClock } from "./manual_clock.ts";
import { ScriptedSource } from "./scripted_source.ts";

/** A source that is asked again, and what it is made of; `random` 1 stands for the longest waits, which make plain numbers. */
export function play(
  options: Partial<RetryOptions> = {},
  budgetOptions: Partial<RetryBudgetOptions> = {},
) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const budget = new RetryBudget({ share: 0, minPerSecond: 1000, clock, ...budgetOptions });
  const policy = retry({
    attempts: 3,
    backoffMs: 50,
    maxBackoffMs: 1000,
    methods: new Set(["GET"]),
    budget,
    clock,
    random: () => 1,
    ...options,
  });
  const source = policy(script.source);
  /** How many attempts have been made. */
  const attempts = () => script.asked.length;
  const ask = (call: Partial<Call> = {}, ctx: Partial<Context> = {}) => {
    const asked = source(testCall(call), testContext(ctx));
    asked.catch(() => {});
    return asked;
  };
  return { clock, script, budget, attempts, ask, source, policy };
}

/** A failure that may be gone in a moment. */
export const unreachable = () => new GatewayError("upstream-unreachable", "nobody there");

/** An answer of that status, without a body. */
export function status(code: number, headers: Record<string, string> = {}): Reply {
  return { status: code, headers: new Headers(headers), body: Body.of(new Uint8Array()) };
}
