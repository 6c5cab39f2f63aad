import type { Measured, Policies, Scenario, Side } from "../scenario.ts";
import { atMost, percent } from "../verdict.ts";

const KNEE = 16;
/** More than the upstream can do before, and after. */
const RATE = 200;

function sideWith(policies: Policies): Side {
  return {
    config: ({ up = "" }) => ({
      upstreams: { up: { url: up, timeout: "1s", ...policies } },
      routes: { "GET /home/:id": { gather: { it: { from: "up", path: "/{id}" } } } },
    }),
    path: (index) => `/home/${index}`,
  };
}

/** The most calls at one time, for each half second: the limit, as it is always used up. */
function limits({ peaks: { up = [] } }: Measured): { mean: number; swing: number } {
  const mean = up.reduce((sum, peak) => sum + peak, 0) / up.length;
  return { mean, swing: Math.max(...up.map((peak) => Math.abs(peak - mean))) / mean };
}

export const slowerForGood: Scenario = {
  name: "latency triples for good",
  upstreams: { up: { kind: "overloaded", ms: 100, knee: KNEE } },
  off: sideWith({}),
  on: sideWith({ concurrency: { adaptive: { min: 4, max: 200 }, queue: 20 } }),
  phases: [
    { name: "before", seconds: 6, rate: RATE },
    {
      name: "settling",
      seconds: 20,
      rate: RATE,
      change: { up: { kind: "overloaded", ms: 300, knee: KNEE } },
    },
    { name: "after", seconds: 6, rate: RATE },
  ],
  promises: ({ on }) => {
    const { mean, swing } = limits(on("after"));
    const what = `after: swing of the adaptive limit around ${mean.toFixed(0)} calls`;
    return [atMost(what, swing, 0.25, percent)];
  },
};
