import type { Charge, Decision } from "../../lib/limiter/limit.ts";
import { Limiter, type LimiterOptions, type TakeOptions } from "../../lib/limiter/limiter.ts";

/** What is simulated of a limiter. */
export interface SimulatedLimiter {
  take(charges: readonly Charge[], patience: TakeOptions): Decision | Promise<Decision>;
}

/** Makes the limiter of one process. */
export type StartLimiter = (options: LimiterOptions) => SimulatedLimiter;

/** The gateway's own: the one place where the simulation makes it. */
export function startLimiter(options: LimiterOptions): SimulatedLimiter {
  return new Limiter(options);
}
