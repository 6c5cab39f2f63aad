import { assert, assertEquals } from "@std/assert";
import { ConfigError, type ConfigProblem } from "../../../lib/config/config_error.ts";
import { StartError } from "../../../lib/core/start_error.ts";

const lineOf = (problem: ConfigProblem) => new ConfigError([problem]).message;

const LINES: readonly (readonly [ConfigProblem, string])[] = [
  [{ path: [], rule: "must be an object" }, "config: must be an object"],
  [{ path: ["a", "b-c", "0"], rule: "is wrong" }, "a.b-c.0: is wrong"],
  [{ path: ["routes", "GET /x"], rule: "is wrong" }, 'routes["GET /x"]: is wrong'],
  [{ path: ["GET /x", "a"], rule: "is wrong" }, '["GET /x"].a: is wrong'],
  [{ path: ["a"], rule: "is wrong", got: "4 sec" }, 'a: is wrong; got "4 sec"'],
  [{ path: ["a"], rule: "is wrong", got: null }, "a: is wrong; got null"],
  [{ path: ["a"], rule: "is wrong", got: 0 }, "a: is wrong; got 0"],
  [{ path: ["a"], rule: "is wrong", got: [1, { b: 2 }] }, 'a: is wrong; got [1,{"b":2}]'],
  [{ path: ["a"], rule: "is wrong", got: () => 1 }, "a: is wrong; got a function"],
  [{ path: ["a"], rule: "is wrong", got: Symbol("x") }, "a: is wrong; got Symbol(x)"],
];

for (const [problem, line] of LINES) {
  Deno.test(`a problem reads ${line}`, () => assertEquals(lineOf(problem), line));
}

Deno.test("a long value is cut off", () => {
  const [whole, cut] = ["x".repeat(78), "x".repeat(79)];
  assertEquals(lineOf({ path: ["a"], rule: "r", got: whole }), `a: r; got "${whole}"`);
  assertEquals(lineOf({ path: ["a"], rule: "r", got: cut }), `a: r; got "${cut}…`);
});

Deno.test("each problem has a line", () => {
  const error = new ConfigError([{ path: ["a"], rule: "is wrong" }, { path: ["b"], rule: "too" }]);
  assertEquals(error.message, "a: is wrong\nb: too");
  assert(error instanceof StartError);
  assertEquals(error.name, "ConfigError");
});
