import type { Scenario } from "../scenario.ts";
import { hedging } from "./hedging.ts";
import { optionalUpstream } from "./optional_upstream.ts";
import { overload } from "./overload.ts";
import { retryStorm } from "./retry_storm.ts";
import { slowerForGood } from "./slower_for_good.ts";
import { targets } from "./targets.ts";

/** All scenarios, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  ...optionalUpstream,
  ...targets,
  overload,
  slowerForGood,
  retryStorm,
  hedging,
];
