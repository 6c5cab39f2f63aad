import type { Clock } from "../core/clock.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { AdaptiveLimit } from "../policies/adaptive/adaptive_limit.ts";
import { Circuit } from "../policies/breaker/circuit.ts";
import { watchCalls } from "../policies/breaker/watch_calls.ts";
import { SharedCalls } from "../policies/coalesce/shared_calls.ts";
import { HedgeBudget } from "../policies/hedge/hedge_budget.ts";
import { HedgeDelay } from "../policies/hedge/hedge_delay.ts";
import { RetryBudget } from "../policies/retry/retry_budget.ts";
import type { TargetOptions } from "../policies/target/target.ts";
import { Semaphore } from "../async/semaphore.ts";
import type { Policy, Source } from "../core/source.ts";
import { FaultLog } from "./fault_log.ts";

/** The state that all parts and routes of one upstream share. */
export interface UpstreamState {
  readonly transport: Source;
  /** Reports in the log why attempts fail. */
  readonly faults: FaultLog;
  /** Observes how attempts end, for the circuit breaker; undefined without one. */
  readonly watch: Policy | undefined;
  /** Calls in progress, for single-flight. */
  readonly sharedCalls: SharedCalls;
  /** The retry budget. */
  readonly retryBudget: RetryBudget;
  /** The circuit breaker; undefined if the upstream has none. */
  readonly circuit: Circuit | undefined;
  /** Limits concurrent calls. */
  readonly semaphore: Semaphore;
  /** Adapts the limit to latency; undefined if it is fixed. */
  readonly adaptiveLimit: AdaptiveLimit | undefined;
  /** How many calls may be hedged, and when; undefined if none are. */
  readonly hedging: { readonly budget: HedgeBudget; readonly delay: HedgeDelay } | undefined;
  /** The targets, if it can have several. */
  readonly targets?: TargetOptions | undefined;
}

/** Creates the state of an upstream. */
export function upstreamState(
  { name, retry, breaker, concurrency, hedge }: UpstreamSettings,
  transport: Source,
  clock: Clock,
  faults: FaultLog = new FaultLog(name, clock, () => {}),
  targets?: TargetOptions,
): UpstreamState {
  const semaphore = new Semaphore(concurrency);
  const { adaptive } = concurrency;
  const circuit = breaker && new Circuit(breaker);
  return {
    transport,
    faults,
    watch: circuit && watchedBy(circuit, clock, faults),
    sharedCalls: new SharedCalls(),
    retryBudget: new RetryBudget({ ...retry.budget, clock }),
    circuit,
    targets,
    semaphore,
    adaptiveLimit: adaptive && new AdaptiveLimit({ ...adaptive, semaphore, clock }),
    hedging: hedge &&
      { budget: new HedgeBudget(hedge.share), delay: new HedgeDelay(hedge.after, clock) },
  };
}

/** Watches attempts for a circuit; the log reports when that opens and closes. */
function watchedBy(circuit: Circuit, clock: Clock, faults: FaultLog): Policy {
  let wasClosed = true;
  const onChange = () => {
    // That failed probes open it again is not worth a line each time.
    if (circuit.isClosed === wasClosed) return;
    wasClosed = circuit.isClosed;
    if (wasClosed) return faults.breakerChanged("breaker-closed");
    const { calls, failed, slow } = circuit.countsAt(clock.monotonic());
    faults.breakerChanged("breaker-opened", `${failed} failed and ${slow} were slow`, calls);
  };
  return watchCalls({ circuit, clock, onChange });
}
