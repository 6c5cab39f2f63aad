import type { CallCounts } from "../policies/breaker/call_window.ts";
import type { Circuit, CircuitState } from "../policies/breaker/circuit.ts";

/** How an upstream does in this process, for the operator. */
export interface UpstreamStatus {
  readonly name: string;
  /** Its circuit breaker, if it has one: the calls of its window, or those that opened it. */
  readonly breaker?: CallCounts & { readonly state: CircuitState };
}

/** Returns the status of an upstream. */
export function upstreamStatus(
  name: string,
  circuit: Circuit | undefined,
  now: number,
): UpstreamStatus {
  if (circuit === undefined) return { name };
  return { name, breaker: { state: circuit.stateAt(now), ...circuit.countsAt(now) } };
}
