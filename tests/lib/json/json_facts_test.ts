import { assert, assertEquals } from "@std/assert";
import { jsonFacts } from "../../../lib/json/json_facts.ts";
import { nastyJson, nastyNumber } from "../../support/nasty_json.ts";
import { property } from "../../support/random.ts";

const factsOf = (text: string) => jsonFacts(new TextEncoder().encode(text));

for (
  const [text, mayChangeNumbers] of [
    ["[0,-1,42,1.5,-0.25,123456789012345,0.000001,10.01]", false],
    ['["10.10","9007199254740993",{"1e5":true},null]', false],
    ["10.10", true],
    ["[-0]", true],
    ['{"a":9007199254740993}', true],
    ["1e2", true],
    ["[0.0000001]", true],
    ['"\\"" ', false],
  ] as const
) {
  Deno.test(`${text} ${mayChangeNumbers ? "may be changed" : "stays unchanged"}`, () => {
    assertEquals(factsOf(text).mayChangeNumbers, mayChangeNumbers);
  });
}

property(
  "a number that JavaScript would change is seen, alone and in a document",
  3000,
  (random) => {
    const number = nastyNumber(random);
    const isChanged = JSON.stringify(JSON.parse(number)) !== number;
    if (isChanged) assert(factsOf(number).mayChangeNumbers, number);
    const text = `{"a":[${nastyJson(random)}],"b":${number} }`;
    if (isChanged) assert(factsOf(text).mayChangeNumbers, text);
  },
);

Deno.test("the depth is the deepest nesting, and brackets in strings do not count", () => {
  assertEquals(factsOf('[[],{"a":[1]},"[[[["]').depth, 3);
  assertEquals(factsOf("1").depth, 0);
  assertEquals(factsOf("[".repeat(100_000) + "]".repeat(100_000)).depth, 100_000);
});
