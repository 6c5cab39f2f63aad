import type { Measured, Policies, Scenario, Side } from "../scenario.ts";
import { atLeast, percent } from "../verdict.ts";

/** It completes 16 calls in 80 ms: 200 calls a second, two for each request. */
const MS = 80;
const KNEE = 16;
/** Requests per second: four fifths of what it can do, and a fifth more than it can. */
const BEST_RATE = 80;
const TOO_MUCH = 120;

function sideWith(policies: Policies): Side {
  return {
    config: ({ up = "" }) => ({
      upstreams: { up: { url: up, timeout: "500ms", ...policies } },
      routes: {
        "GET /home/:id": {
          deadline: "1s",
          gather: {
            needed: { from: "up", path: "/needed/{id}" },
            nice: { from: "up", path: "/nice/{id}", optional: true },
          },
        },
      },
    }),
    path: (index) => `/home/${index}`,
  };
}

/** Parts that came to clients, per second. */
function goodput({ complete, partial, seconds }: Measured): number {
  return (2 * complete + partial) / seconds;
}

export const overload: Scenario = {
  name: "an overloaded upstream has a required and an optional part",
  upstreams: { up: { kind: "overloaded", ms: MS, knee: KNEE } },
  off: sideWith({}),
  on: sideWith({ concurrency: { adaptive: { min: 2, max: 64 }, queue: 10 } }),
  phases: [
    { name: "warm-up", seconds: 2, rate: BEST_RATE / 2 },
    { name: "best", seconds: 8, rate: BEST_RATE },
    { name: "overload begins", seconds: 4, rate: TOO_MUCH },
    { name: "overload", seconds: 8, rate: TOO_MUCH },
  ],
  promises: ({ off, on }) => {
    const overload = on("overload");
    const best = Math.max(goodput(off("best")), goodput(on("best")));
    return [
      atLeast(
        "overload: requests answered",
        1 - overload.failed / overload.requests,
        0.99,
        percent,
      ),
      atLeast(
        "overload: goodput, of its best",
        goodput(overload) / best,
        0.9,
        percent,
      ),
    ];
  },
};
