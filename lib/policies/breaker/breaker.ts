import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Call, Context, Policy, Reply, Source } from "../../core/source.ts";
import type { Circuit } from "./circuit.ts";

/** The circuit of an upstream, shared by all of its callers. */
export interface BreakerOptions {
  readonly circuit: Circuit;
  readonly clock: Clock;
}

/**
 * Makes no calls to an upstream that fails, so that its callers do not wait for it and it can recover.
 * It rejects with `breaker-open` at once while the circuit is open, or its probes are running.
 *
 * What the calls show about the upstream is counted further in, by `watchCalls`: a wait in a queue of
 * the gateway's own is not the upstream's.
 */
export function breaker({ circuit, clock }: BreakerOptions): Policy {
  return (next) =>
    function breaker(call, ctx) {
      if (circuit.isClosed) return next(call, ctx);
      const refusal = breakerRefusal(circuit, clock.monotonic());
      return refusal ? Promise.reject(refusal) : probe(circuit, next, call, ctx);
    };
}

/** Returns the error for a call that the circuit refuses now; undefined if it may be made. */
export function breakerRefusal(circuit: Circuit, now: number): GatewayError | undefined {
  const ms = circuit.refusedForMs(now);
  if (ms === undefined) return undefined;
  const detail = "the upstream fails, and is not called until it may have recovered";
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return new GatewayError("breaker-open", detail, { headers: { "retry-after": String(seconds) } });
}

async function probe(circuit: Circuit, next: Source, call: Call, ctx: Context): Promise<Reply> {
  const generation = circuit.beginProbe();
  try {
    return await next(call, ctx);
  } finally {
    circuit.endProbe(generation);
  }
}
