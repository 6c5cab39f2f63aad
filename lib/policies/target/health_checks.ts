import { abortable } from "@std/async";
import type { Clock, Random } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { Scope } from "../../core/scope.ts";
import type { Call, Context } from "../../core/source.ts";
import type { TargetSet } from "./target_set.ts";
import type { Target } from "./target_state.ts";

/** How targets are checked. */
export interface HealthChecksOptions {
  /** Path below each target's base URL. */
  readonly path: string;
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** Failed checks in a row that make a target unhealthy, and passed ones that end it. */
  readonly unhealthyAfter: number;
  readonly healthyAfter: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** How much an interval varies, so that the processes of a fleet do not check at the same time. */
const JITTER = 0.1;
/** Largest body of a check's response that is read, so that its connection can be reused. */
const MAX_BODY_BYTES = 64 * 1024;
const HEADERS = { accept: "*/*", "user-agent": "sluice" };

/**
 * Checks every target at an interval, over the same transport as calls, until the signal aborts. The
 * checks count in nothing else: not in a target's load, latency or failures, nor in a budget.
 */
export async function checkHealth(
  targets: TargetSet,
  options: HealthChecksOptions,
  signal: AbortSignal,
): Promise<void> {
  const { everyMs, clock, random } = options;
  try {
    await clock.sleep(random() * everyMs, signal, false);
    while (!signal.aborted) {
      await Promise.all(targets.targets.map((target) => check(target, targets, options, signal)));
      await clock.sleep(everyMs * (1 + JITTER * (2 * random() - 1)), signal, false);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function check(
  target: Target,
  targets: TargetSet,
  { path, timeoutMs, unhealthyAfter, healthyAfter, clock }: HealthChecksOptions,
  signal: AbortSignal,
): Promise<void> {
  using scope = new Scope(signal);
  const detail = `no response within ${timeoutMs} ms`;
  scope.cancelAfter(timeoutMs, clock, () => new GatewayError("upstream-timeout", detail));
  const call: Call = { method: "GET", path, headers: new Headers(HEADERS) };
  const ctx: Context = {
    signal: scope,
    deadline: clock.monotonic() + timeoutMs,
    client: { address: "" },
    trace: { id: "", parts: [] },
    background: () => {},
  };
  try {
    const { status, body } = await target.source(call, ctx);
    await abortable(body.bytes(MAX_BODY_BYTES), scope).catch(() => body.cancel());
    scope.throwIfAborted();
    if (status < 200 || status > 299) throw new Error(`status ${status}`);
    targets.checked(target, true, healthyAfter, "");
  } catch (error) {
    if (signal.aborted) return;
    targets.checked(target, false, unhealthyAfter, causeOf(error));
  }
}

/** Describes a failure for the log. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
