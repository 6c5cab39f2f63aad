import type { Charge, Decision } from "../../lib/limiter/limit.ts";
import { Limiter, type LimiterOptions, type TakeOptions } from "../../lib/limiter/limiter.ts";

/** The part of a limiter that is simulated. */
export interface SimulatedLimiter {
  take(charges: readonly Charge[], patience: TakeOptions): Decision | Promise<Decision>;
}

/** Creates the limiter of one process. */
export type StartLimiter = (options: LimiterOptions) => SimulatedLimiter;

/** Creates the gateway's own limiter. */
export function startLimiter(options: LimiterOptions): SimulatedLimiter {
  return new Limiter(options);
}
