import { assert, assertEquals, assertThrows } from "@std/assert";
import { CURVES } from "../../../../bench/http/curves/curves.ts";
import { HELP, readOptions } from "../../../../bench/http/curves/options.ts";
import { StartError } from "../../../../lib/core/start_error.ts";

Deno.test("curves options: the default is every curve, two seconds for each point", () => {
  assertEquals(readOptions([]), {
    curves: CURVES,
    seconds: 2,
    rounds: 2,
    warmUp: 3,
    docs: undefined,
    redraw: false,
  });
  assertEquals(readOptions(["--seconds", "1"])?.rounds, 1);
});

Deno.test("curves options: help lists every flag", () => {
  assertEquals(readOptions(["--help"]), undefined);
  for (const flag of ["--curves", "--seconds", "--docs", "--redraw"]) assert(HELP.includes(flag));
});

const WRONG: readonly [args: string[], message: string][] = [
  [["--curve", "parts"], "Unknown option '--curve'"],
  [["--curves", "part"], "--curves must be of parts, bodies, connections, routes, clients;"],
  [["--seconds", "61"], '--seconds must be a whole number from 1 to 60; got "61"'],
  [["--redraw"], "--redraw needs --docs"],
];

for (const [args, message] of WRONG) {
  Deno.test(`curves options: ${args.join(" ")} is one clear error`, () => {
    const error = assertThrows(() => readOptions(args), StartError);
    assert(error.message.startsWith(message), error.message);
  });
}

Deno.test("curves: every point has a gateway, and a run stays below eight minutes", () => {
  let seconds = 0;
  for (const curve of CURVES) {
    for (const line of curve.lines) {
      for (const x of curve.xs) {
        const { gateway, connections, fill = 0 } = line.at(x);
        assert(gateway in curve.gateways, `${curve.name} has ${gateway}`);
        // Two turns of a second, the time that connections take, and filling at 10,000 requests/s.
        seconds += 2 * (1 + Math.floor(connections / 500) + (connections < 500 ? 0 : 1));
        seconds += Math.ceil(fill / 10_000);
      }
      seconds += 3 * (curve.name === "routes" ? curve.xs.length : 1);
    }
  }
  assert(seconds < 6 * 60, `${seconds} s`);
});
