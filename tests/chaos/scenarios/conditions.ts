import type { Behaviour } from "../behaviour.ts";

/** An upstream when all is well. */
export const STEADY: Behaviour = { kind: "steady", ms: [30, 50] };

/** How far a busy machine may take a ratio of latencies beyond what is promised. */
export const LATENCY_NOISE = 1.5;
