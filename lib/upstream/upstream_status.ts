import type { CallCounts } from "../policies/breaker/call_window.ts";
import type { CircuitState } from "../policies/breaker/circuit.ts";
import type { Target } from "../policies/target/target_state.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** How an upstream does in this process, for the operator. */
export interface UpstreamStatus {
  readonly name: string;
  /** Its circuit breaker, if it has one: the calls of its window, or those that opened it. */
  readonly breaker?: CallCounts & { readonly state: CircuitState };
  /** Its concurrent calls, and how many may wait for a slot. */
  readonly concurrency: {
    readonly inFlight: number;
    /** null: any number. */
    readonly max: number | null;
    readonly waiting: number;
    readonly queue: number;
  };
  /** How many retries its budget allows now. */
  readonly retriesLeft: number;
  /** How many hedges its budget allows now; absent if its calls are not hedged. */
  readonly hedgesLeft?: number;
  /** Its targets; absent where it has no choice of them. */
  readonly targets?: readonly TargetStatus[];
}

/** How a target of an upstream does. */
export interface TargetStatus {
  /** Its URL, and the address where a name has several. */
  readonly name: string;
  /** `held`: it asked for a pause with Retry-After; `ejected`: calls to it failed. */
  readonly state: "in-use" | "held" | "ejected" | "unhealthy";
  readonly inFlight: number;
  /** The latency that it is chosen by (ms): recent, and quicker to rise than to fall. */
  readonly latencyMs: number;
}

/** Returns the status of an upstream. */
export function upstreamStatus(name: string, state: UpstreamState, now: number): UpstreamStatus {
  const { circuit, semaphore, retryBudget, hedging, targets } = state;
  return {
    name,
    ...(circuit && { breaker: { state: circuit.stateAt(now), ...circuit.countsAt(now) } }),
    concurrency: {
      inFlight: semaphore.running,
      max: semaphore.max === Infinity ? null : semaphore.max,
      waiting: semaphore.waiting,
      queue: semaphore.queue,
    },
    retriesLeft: retryBudget.leftAt(now),
    ...(hedging && { hedgesLeft: hedging.budget.left }),
    ...(targets && { targets: targets.targets.targets.map((each) => targetStatus(each, now)) }),
  };
}

function targetStatus(target: Target, now: number): TargetStatus {
  const { name, inFlight } = target;
  const latencyMs = Math.round(target.latencyAt(now) * 10) / 10;
  return { name, state: stateOf(target, now), inFlight, latencyMs };
}

function stateOf(target: Target, now: number): TargetStatus["state"] {
  if (target.isUnhealthy) return "unhealthy";
  if (!target.isIn(now)) return "ejected";
  return now < target.heldUntil ? "held" : "in-use";
}
