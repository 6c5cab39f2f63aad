import { percentile } from "../load.ts";
import { callsOf, type Policies, type Scenario, type Side } from "../scenario.ts";
import { atMost, percent, times } from "../verdict.ts";

const RATE = 100;

function sideWith(policies: Policies): Side {
  return {
    config: ({ up = "" }) => ({
      upstreams: { up: { url: up, timeout: "2s", ...policies } },
      routes: { "GET /home/:id": { gather: { it: { from: "up", path: "/{id}" } } } },
    }),
    path: (index) => `/home/${index}`,
  };
}

export const hedging: Scenario = {
  name: "2 % of calls take 20 times as long",
  upstreams: { up: { kind: "tail", ms: [20, 30], share: 0.02, times: 20 } },
  off: sideWith({}),
  on: sideWith({ hedge: { after: "p95", share: 0.05 } }),
  phases: [
    { name: "warm-up", seconds: 4, rate: RATE },
    { name: "after", seconds: 10, rate: RATE },
  ],
  promises: ({ off, on }) => {
    const [without, hedged] = [off("after"), on("after")];
    return [
      atMost(
        "after: p99, of that without hedging",
        percentile(hedged, 0.99) / percentile(without, 0.99),
        0.5,
        times,
      ),
      atMost("after: more calls", callsOf(hedged) / hedged.requests - 1, 0.05, percent),
    ];
  },
};
