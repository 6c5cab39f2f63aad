import { assertEquals, assertThrows } from "@std/assert";
import { ExactNumber } from "../../../lib/json/exact_number.ts";
import { parseExactly } from "../../../lib/json/parse_exactly.ts";
import { readExactly } from "../../../lib/json/read_exactly.ts";
import { nastyJson } from "../../support/nasty_json.ts";
import { property } from "../../support/random.ts";

/** The result of JSON.parse with a reviver that uses each number's text. */
function revived(text: string, isAll: boolean): unknown {
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && (isAll || String(value) !== context?.source)
      ? new ExactNumber(String(context?.source))
      : value;
  return JSON.parse(text, exact);
}

property("what is read is what JSON.parse reads, but for the digits of numbers", 5000, (random) => {
  const text = random.pick(["", " ", "\n"]) + nastyJson(random, 4) + random.pick(["", "\t"]);
  for (const exact of ["changed", "all"] as const) {
    const value = readExactly(text, exact);
    assertEquals(JSON.stringify(value), JSON.stringify(revived(text, exact === "all")), text);
    // As text, since the numbers in it compare as objects without properties.
    assertEquals(tagged(value), tagged(revived(text, exact === "all")), text);
  }
});

/** JSON in which exact numbers differ from others. */
function tagged(value: unknown): string {
  return JSON.stringify(value, function (key, written) {
    const own: unknown = Reflect.get(Object(this), key);
    return own instanceof ExactNumber ? `exact ${own}` : written;
  });
}

Deno.test("__proto__ is a name like any other, also where it has an accessor", () => {
  const text = '{"__proto__":{"isAdmin":1.0}}';
  const set = () => {
    throw new Error("a prototype was set");
  };
  Object.defineProperty(Object.prototype, "__proto__", { set, configurable: true });
  try {
    assertEquals(JSON.stringify(readExactly(text)), text);
  } finally {
    Reflect.deleteProperty(Object.prototype, "__proto__");
  }
});

Deno.test("what is not JSON is not read", () => {
  for (const text of ["", "{", "[1,]", '{"a" 1}', "01", "1e", "nul", '"\n"', "[1]]"]) {
    assertThrows(() => parseExactly(text), SyntaxError);
  }
});

Deno.test("what is nested too deeply for the stack is an error", () => {
  assertThrows(() => parseExactly("[".repeat(200_000) + "]".repeat(200_000)), RangeError);
});
