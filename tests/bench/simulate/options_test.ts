import { assert, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_SCENARIOS } from "../../../bench/simulate/default_scenarios.ts";
import { HELP, readScenarios } from "../../../bench/simulate/options.ts";
import { DEFAULT_SCENARIO } from "../../../bench/simulate/scenario.ts";
import { StartError } from "../../../lib/core/start_error.ts";

Deno.test("simulate options: no flag plays the set, one flag plays one", () => {
  assertEquals(readScenarios([]), DEFAULT_SCENARIOS);
  assertEquals(readScenarios(["--seed", "7"]), [{ ...DEFAULT_SCENARIO, seed: 7 }]);
  assertEquals(readScenarios(["--latency=0.3", "--shape", "zipf", "--on-failure", "local"]), [
    { ...DEFAULT_SCENARIO, latencyMs: 0.3, shape: "zipf", onStoreFailure: "local" },
  ]);
});

Deno.test("simulate options: several values play every combination", () => {
  const played = readScenarios(["--processes", "1,2", "--load", "0.8,2"]);
  assertEquals(played?.map(({ processes, load }) => [processes, load]), [
    [1, 0.8],
    [1, 2],
    [2, 0.8],
    [2, 2],
  ]);
});

Deno.test("simulate options: help tells every flag", () => {
  assertEquals(readScenarios(["--processes", "2", "--help"]), undefined);
  for (const flag of ["--shape", "--burst", "--on-failure", "--max-writes"]) {
    assert(HELP.includes(`  ${flag}`), flag);
  }
});

const WRONG: readonly [args: string[], told: string][] = [
  [["--procesess", "3"], 'there is no flag --procesess; did you mean "processes"?'],
  [["--processes"], "--processes needs a value: number of processes"],
  [["--processes", "0"], '--processes must be a whole number of at least 1; got "0"'],
  [["--processes", "1.5"], '--processes must be a whole number of at least 1; got "1.5"'],
  [["--processes", "2,,3"], '--processes must be a whole number of at least 1; got ""'],
  [["--rate", "1e3"], '--rate must be a whole number of at least 1; got "1e3"'],
  [["--load", "0"], '--load must be a number above 0; got "0"'],
  [["--latency=-5"], '--latency must be a number of at least 0; got "-5"'],
  [["--failing", "2"], '--failing must be a number from 0 to 1; got "2"'],
  [
    ["--shape", "zip"],
    '--shape must be one of steady, bursts, hot, zipf, rotating; got "zip"; did you mean "zipf"?',
  ],
  [["hot"], 'unexpected argument "hot"'],
  [["--apart", "20"], "--apart 20 is more than --skew 0 allows"],
  [["--latency", "200"], "--timeout 400 is too short: the store may take 600 ms"],
  [["--rate", "1", "--burst", "99999999"], "a burst of 99999999 takes too long to fill"],
  [["-x"], "there is no flag -x"],
  [["--toString", "1"], "there is no flag --toString"],
];

for (const [args, told] of WRONG) {
  Deno.test(`simulate options: ${args.join(" ")} is one clear error`, () => {
    const error = assertThrows(() => readScenarios(args), StartError);
    assert(error.message.startsWith(told), error.message);
    assert(!error.message.includes("\n"));
  });
}
