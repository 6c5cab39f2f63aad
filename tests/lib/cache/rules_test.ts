import { assertEquals } from "@std/assert";
import { rulesOf } from "../../../lib/cache/rules.ts";

type Read = { readonly isTargeted: boolean; readonly directives: Record<string, string> };

const COMMON: Read = { isTargeted: false, directives: { private: "" } };
const own = (directives: Record<string, string>): Read => ({ isTargeted: true, directives });

const TARGETED: readonly (readonly [string, string, Read])[] = [
  ["one directive", "max-age=60", own({ "max-age": "60" })],
  ["several", "max-age=60, no-store", own({ "max-age": "60", "no-store": "" })],
  ["the last of two", "max-age=60, max-age=10", own({ "max-age": "10" })],
  ["one that is true", "no-cache=?1", own({ "no-cache": "" })],
  ["one that is false", "no-store=?0, max-age=1", own({ "max-age": "1" })],
  ["parameters, which count for nothing", "max-age=60;x=1", own({ "max-age": "60" })],
  ["a string of an unknown one", 'ext="a, no-store"', own({ ext: "a, no-store" })],
  ["a token of an unknown one", "ext=some", own({ ext: "some" })],
  ["nothing, which is no field", "", COMMON],
  ["white space alone", "   ", COMMON],
  ["a capital, which is no structured field", "Max-Age=60", COMMON],
  ["quotes that never end", 'max-age=60, ext="', COMMON],
  ["a comma at its end", "max-age=60,", COMMON],
  ["a word that is no item", "max-age=60 s-maxage", COMMON],
  ["seconds in quotes", 'max-age="60"', COMMON],
  ["seconds that are a token", "max-age=soon", COMMON],
  ["no seconds", "max-age", COMMON],
];

for (const [what, header, expected] of TARGETED) {
  Deno.test(`CDN-Cache-Control with ${what} is read`, () => {
    const headers = new Headers({ "cdn-cache-control": header, "cache-control": "private" });
    const { isTargeted, directives } = rulesOf(headers);
    assertEquals({ isTargeted, directives: Object.fromEntries(directives) }, expected);
  });
}

Deno.test("Cache-Control counts where there is no CDN-Cache-Control", () => {
  assertEquals(
    [...rulesOf(new Headers({ "cache-control": "max-age=60" })).directives],
    [["max-age", "60"]],
  );
});

Deno.test("there are no rules without a header", () => {
  const { directives, isTargeted } = rulesOf(new Headers());
  assertEquals([directives.size, isTargeted], [0, false]);
});

for (
  const [name, piece] of [
    ["cdn-cache-control", 'a="'],
    ["cdn-cache-control", "a;b,"],
    ["cdn-cache-control", "("],
    ["cdn-cache-control", "9"],
    ["cache-control", '"\\'],
  ] as const
) {
  Deno.test(`a ${name} of 200,000 characters of ${piece} is read`, () => {
    // What is quadratic would take minutes.
    rulesOf(new Headers({ [name]: piece.repeat(200_000 / piece.length) }));
  });
}
