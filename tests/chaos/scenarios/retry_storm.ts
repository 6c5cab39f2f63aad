import { callsOf, type Policies, type Scenario, type Side } from "../scenario.ts";
import { atMost, calls } from "../verdict.ts";
import { STEADY } from "./conditions.ts";

const RATE = 60;
const OUTAGE_SECONDS = 10;
const SHARE = 0.2;
const MIN_PER_SECOND = 3;

function sideWith(policies: Policies): Side {
  return {
    config: ({ up = "" }) => ({
      upstreams: { up: { url: up, timeout: "1s", ...policies } },
      routes: { "GET /home/:id": { gather: { it: { from: "up", path: "/{id}" } } } },
    }),
    path: (index) => `/home/${index}`,
  };
}

/** Without a breaker, which would make it too easy: retries and hedges spend one budget. */
export const retryStorm: Scenario = {
  name: "an upstream fails for 10 s (off: retries without a budget)",
  upstreams: { up: STEADY },
  off: sideWith({ retry: { attempts: 3, budget: { share: 1, minPerSecond: 10_000 } } }),
  on: sideWith({
    retry: { attempts: 3, budget: { share: SHARE, minPerSecond: MIN_PER_SECOND } },
    hedge: { after: "p95", share: 0.05 },
  }),
  phases: [
    { name: "healthy", seconds: 3, rate: RATE },
    {
      name: "outage",
      seconds: OUTAGE_SECONDS,
      rate: RATE,
      change: { up: { kind: "failing", status: 503, ms: 40 } },
    },
    { name: "recovered", seconds: 2, rate: RATE, change: { up: STEADY } },
  ],
  promises: ({ on }) => {
    const outage = on("outage");
    const most = (1 + SHARE) * outage.requests + MIN_PER_SECOND * (OUTAGE_SECONDS + 1);
    return [atMost("outage: calls, hedges included", callsOf(outage), most, calls)];
  },
};
