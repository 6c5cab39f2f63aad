import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConditionError, loadConditions } from "../../../lib/expression/condition.ts";
import { compileDataCondition, ConditionFailed } from "../../../lib/expression/data_condition.ts";
import { ExactNumber } from "../../../lib/json/exact_number.ts";

await loadConditions();

const TYPES = { order: "dyn", query: "map", id: "string" } as const;
const LONG = Array.from({ length: 100_000 }, (_, index) => index);
const VALUES = {
  order: {
    isGift: true,
    number: new ExactNumber("9007199254740993"),
    price: new ExactNumber("10.10"),
    vast: new ExactNumber("1e400"),
    items: [1, 2, 3],
    long: LONG,
    text: "a,".repeat(100_000),
  },
  query: Object.freeze({ full: null, tags: Object.freeze(["a"]) }),
  id: "7",
};

for (
  const [text, expected] of [
    ["order.isGift == true && query.full != 'no'", true],
    ["order.number == 9007199254740993", true],
    ["order.number == 9007199254740992", false],
    ["order.price > 10.0 && order.price < 10.2", true],
    ["order.vast > 1.0", true],
    ["has(order.gone)", false],
    ["order.items.exists(x, order.items.all(y, y <= 3 || x == y))", true],
    ["'a' in query.tags", true],
    ["id == '7'", true],
  ] as const
) {
  Deno.test(`data condition: ${text} is ${expected}`, () => {
    assertEquals(compileDataCondition(text, TYPES).holds(VALUES), expected);
  });
}

for (
  const text of [
    "order.gone == 1",
    "order.isGift + 1 == 2",
    "order.items",
    "order.long.exists(x, x == -1.0)",
    "order.long.exists(x, order.long.exists(y, order.long == order.long))",
    "order.long.map(x, order.text.split(',')).size() == 0",
    "-1.0 in order.long",
    "order.text.contains('x')",
  ]
) {
  Deno.test(`data condition: ${text} has no result, and takes no time`, () => {
    const condition = compileDataCondition(text, TYPES);
    const startedAt = performance.now();
    assertThrows(() => condition.holds(VALUES), ConditionFailed);
    assert(performance.now() - startedAt < 500);
  });
}

for (
  const text of [
    "id == 7",
    "id.matches('(a+)+$')",
    "cel.bind(x, 1, true)",
    "order.items.all(a, order.items.all(b, order.items.all(c, true)))",
    "gone == 1",
    "1",
  ]
) {
  Deno.test(`data condition: ${text} is refused`, () => {
    assertThrows(() => compileDataCondition(text, TYPES), ConditionError);
  });
}

Deno.test("data condition: it says what it reads, without the variables of its loops", () => {
  const text =
    "has(query.a) && query['b c'] == id && order.items.exists(order2, order2.x == order[query.k])";
  assertEquals(
    compileDataCondition(text, TYPES).uses.map(({ variable, member, isOptional }) =>
      `${variable}.${member}${isOptional ? "?" : ""}`
    ),
    ["query.a?", "query.b c", "id.undefined", "order.items", "order.undefined", "query.k"],
  );
});
