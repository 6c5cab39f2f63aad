import { assertEquals } from "@std/assert";
import { FieldList } from "../../../lib/core/field_list.ts";
import { changeHeaders, type HeaderRules } from "../../../lib/template/change_headers.ts";
import { Inputs } from "../../../lib/template/inputs.ts";
import { joinHeaderRules } from "../../../lib/template/join_header_rules.ts";
import { parseTextTemplate } from "../../../lib/template/template.ts";
import { property, type Random } from "../../support/random.ts";

const inputs = new Inputs(
  { method: "GET", path: "/", headers: new FieldList(), params: {} },
  undefined,
);
const NAMES = ["a", "b", "c"];

function anyRules(random: Random): HeaderRules {
  const templates = () =>
    random.list(0, 3, () => ({
      name: random.pick(NAMES),
      value: parseTextTemplate(random.pick(["1", "2", "{query.none}"])),
    }));
  return {
    remove: random.list(0, 2, () => random.pick(NAMES)),
    set: templates(),
    add: templates(),
  };
}

property("joined rules do what two do one after the other", 500, (random) => {
  const [first, second] = [anyRules(random), anyRules(random)];
  const joined = joinHeaderRules(first, second);
  const before = random.list(0, 4, () => [random.pick(NAMES), random.pick(["x", "y"])] as const);
  const [expected, actual] = [new FieldList(before), new FieldList(before)];
  changeHeaders(expected, first, inputs);
  changeHeaders(expected, second, inputs);
  if (joined) changeHeaders(actual, joined, inputs);
  assertEquals([...actual], [...expected]);
});

Deno.test("rules are joined with none", () => {
  const rules = { remove: ["a"], set: [], add: [] };
  assertEquals(joinHeaderRules(undefined, rules), rules);
  assertEquals(joinHeaderRules(rules, undefined), rules);
  assertEquals(joinHeaderRules(undefined, undefined), undefined);
});
