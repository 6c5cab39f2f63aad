import { LOCAL_KV } from "../../lib/limiter/stores/kv_store.ts";
import { DEFAULT_SCENARIO, type Scenario } from "./scenario.ts";

/** A store on the same machine: 0.25 ms per commit, one at a time. */
export const LOCAL = { ...LOCAL_KV, latencyMs: 0.3, capacity: 4_000 } as const;

const SPECIALS: readonly Partial<Scenario>[] = [
  { shape: "steady", load: 0.8, rate: 200, burst: 200 },
  { shape: "steady", load: 2, rate: 200, burst: 200 },
  { shape: "bursts", load: 2, rate: 200, burst: 200, clients: 2 },
  { shape: "hot", processes: 1, ...LOCAL },
  { shape: "hot", processes: 2, ...LOCAL },
  { shape: "hot", processes: 16, ...LOCAL },
  { shape: "hot", processes: 16, ...LOCAL, load: 2 },
  { shape: "hot", processes: 4, ...LOCAL, spread: "wandering" },
  { shape: "hot", processes: 1, latencyMs: 20 },
  { shape: "hot", processes: 10 },
  { shape: "hot", processes: 10, load: 2 },
  { shape: "hot", processes: 10, load: 2, spread: "skewed" },
  { shape: "hot", processes: 10, load: 2, skewMs: 500, apartMs: 500 },
  { shape: "hot", processes: 10, failing: 0.01, hanging: 0.001, losing: 0.01 },
  { shape: "hot", processes: 100, latencyMs: 20 },
  { shape: "hot", processes: 1_000, latencyMs: 100 },
  { shape: "zipf", clients: 10_000, load: 2, rate: 100, burst: 100 },
  { shape: "rotating", capacity: 500 },
];

/** A scenario of each kind. */
export const DEFAULT_SCENARIOS: readonly Scenario[] = SPECIALS.map((special) => ({
  ...DEFAULT_SCENARIO,
  ...special,
}));
