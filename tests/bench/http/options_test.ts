import { assert, assertEquals, assertThrows } from "@std/assert";
import { CONTESTANTS } from "../../../bench/http/contestants.ts";
import { HELP, readOptions, turnSeconds } from "../../../bench/http/options.ts";
import { WORKLOADS } from "../../../bench/http/workloads.ts";
import { StartError } from "../../../lib/core/start_error.ts";

Deno.test("http bench options: the default is everything, warmed up for 6 s", () => {
  assertEquals(readOptions([]), {
    contestants: CONTESTANTS,
    workloads: WORKLOADS,
    connections: [1, 64, 256, 2_000],
    rounds: 3,
    seconds: 3,
    warmUp: 6,
    json: undefined,
    docs: undefined,
  });
});

Deno.test("http bench options: lists choose, in the order of the tables", () => {
  const options = readOptions(["--contestants=fetch,sluice", "--workloads", "forward,fan-3"]);
  assertEquals(options?.contestants.map(({ name }) => name), ["sluice", "fetch"]);
  assertEquals(options?.workloads.map(({ name }) => name), ["fan-3", "forward"]);
});

Deno.test("http bench options: help lists every flag", () => {
  assertEquals(readOptions(["--help"]), undefined);
  for (const flag of ["--contestants", "--warm-up", "--docs"]) assert(HELP.includes(`  ${flag}`));
});

Deno.test("http bench options: many connections take longer turns", () => {
  const seconds = [1, 499, 500, 2_000].map((connections) =>
    turnSeconds({ seconds: 3 }, connections)
  );
  assertEquals(seconds, [3, 3, 4, 7]);
});

const WRONG: readonly [args: string[], message: string][] = [
  [["--second", "3"], "Unknown option '--second'"],
  [["--seconds", "0"], '--seconds must be a whole number from 1 to 600; got "0"'],
  [["--connections", "1,x"], '--connections must be a whole number from 1 to 10000; got "x"'],
  [["--contestants", "sluise"], "--contestants must be of sluice, sluice-uncached,"],
  [["--workloads", "fan-4"], "--workloads must be of fan-1, fan-3,"],
];

for (const [args, message] of WRONG) {
  Deno.test(`http bench options: ${args.join(" ")} is one clear error`, () => {
    const error = assertThrows(() => readOptions(args), StartError);
    assert(error.message.startsWith(message), error.message);
  });
}

Deno.test("http bench options: --quick takes less than five minutes, and other flags come first", () => {
  const quick = readOptions(["--quick"]);
  assert(quick);
  let seconds = 0;
  for (const { name } of quick.workloads) {
    for (const { workloads, isCompiled } of quick.contestants) {
      if (!workloads.test(name)) continue;
      seconds += quick.rounds * quick.seconds + (isCompiled ? 1 : quick.warmUp);
    }
  }
  assert(seconds < 280, `${seconds} s`);
  assertEquals(quick.connections, [64]);
  const shorter = readOptions(["--quick", "--seconds", "1", "--workloads", "hit"]);
  assertEquals([shorter?.seconds, shorter?.rounds], [1, 2]);
  assertEquals(shorter?.workloads.map(({ name }) => name), ["hit"]);
});
