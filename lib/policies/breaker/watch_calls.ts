import { NoRoom } from "../../core/buffer_budget.ts";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Call, Policy } from "../../core/source.ts";
import type { Circuit, CircuitState } from "./circuit.ts";

/** The circuit that counts the calls. */
export interface WatchCallsOptions {
  readonly circuit: Circuit;
  readonly clock: Clock;
  /** Called when a call has changed the circuit's state. */
  readonly onChange: (state: CircuitState) => void;
}

/**
 * Counts for a circuit how the calls to its upstream end. To be placed around the timeout: further out
 * than that, a call's time would include its wait in a queue.
 */
export function watchCalls(options: WatchCallsOptions): Policy {
  const { circuit, clock } = options;
  return (next) =>
    async function watchCalls(call, ctx) {
      const begunAt = clock.monotonic();
      // Too late to begin: the timeout will not make the call.
      if (ctx.deadline <= begunAt) return next(call, ctx);
      const begun = { generation: circuit.generation, begunAt, call };
      try {
        const reply = await next(call, ctx);
        count(begun, isFailedStatus(reply.status), false, options);
        return reply;
      } catch (error) {
        if (concernsUpstream(error)) count(begun, true, isCutOff(error), options);
        throw error;
      }
    };
}

function count(
  { generation, begunAt, call }: { generation: number; begunAt: number; call: Call },
  isFailed: boolean,
  isCutOff: boolean,
  { circuit, clock, onChange }: WatchCallsOptions,
): void {
  const now = clock.monotonic();
  // Of an upload, most of the time may be the client's.
  const isUpload = call.body !== undefined && !call.body.isWhole;
  const isSlow = isCutOff || (!isUpload && circuit.isSlow(now - begunAt));
  const state = circuit.record({ generation, isFailed, isSlow }, now);
  if (state) onChange(state);
}

/** A 429 counts: more calls do not help an upstream that has too many. */
function isFailedStatus(status: number): boolean {
  return status >= 500 || status === 429;
}

/** Whether an error shows something about the upstream, not about the client or the gateway. */
function concernsUpstream(error: unknown): boolean {
  return !(error instanceof GatewayError &&
    (error.blame === "client" || error.cause instanceof NoRoom));
}

/**
 * Whether the call was ended because it took too long. Without this, an upstream that always hangs
 * longer than the requests' deadlines would have no outcomes at all.
 */
function isCutOff(error: unknown): boolean {
  return error instanceof GatewayError &&
    (error.kind === "upstream-timeout" || error.kind === "deadline-exceeded");
}
