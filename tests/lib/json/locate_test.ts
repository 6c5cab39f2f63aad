import { assertEquals } from "@std/assert";
import { locate } from "../../../lib/json/locate.ts";
import { follow } from "../../../lib/json/pointer.ts";
import { nastyJson } from "../../support/nasty_json.ts";
import { property } from "../../support/random.ts";

function located(text: string, keys: readonly string[]): string | undefined {
  const bytes = new TextEncoder().encode(text);
  const place = locate(bytes, keys);
  return place && new TextDecoder().decode(bytes.subarray(place.start, place.end));
}

for (
  const [text, keys, found] of [
    [' {"a" : [1, 10.10 ] } ', ["a", "1"], "10.10"],
    ['{"a":1,"\\u0061":2e0}', ["a"], "2e0"],
    ['{"a":{"b":1}}', ["a", "b", "c"], undefined],
    ['["x"]', ["00"], undefined],
    ['["x"]', ["length"], undefined],
    ['{"__proto__":1E5}', ["__proto__"], "1E5"],
    ["{}", ["__proto__"], undefined],
    ['{"a\\"":"]}\\\\","b":-0}', ["b"], "-0"],
    ["\n[]\t", [], "[]"],
  ] as const
) {
  Deno.test(`in ${text} there is ${found} at /${keys.join("/")}`, () => {
    assertEquals(located(text, keys), found);
  });
}

property("what keys lead to is found where JSON.parse finds it", 3000, (random) => {
  const text = nastyJson(random, 4);
  const keys = random.list(
    0,
    4,
    () => random.pick(["a", "b", "", "__proto__", "0", "1", "é", "x y"]),
  );
  const found = located(text, keys);
  assertEquals(
    found === undefined ? found : JSON.parse(found),
    follow(JSON.parse(text), keys),
    text,
  );
});

Deno.test("what is nested without end costs no stack", () => {
  const text = `{"deep":${"[".repeat(200_000)}${"]".repeat(200_000)},"a":10.10}`;
  assertEquals(located(text, ["a"]), "10.10");
});
