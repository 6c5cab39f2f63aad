import { assertEquals } from "@std/assert";
import { deltaMs, parseDirectives } from "../../../lib/cache/directives.ts";
import { property, type Random } from "../../support/random.ts";

const CASES: readonly (readonly [string, string | null, Record<string, string>])[] = [
  ["nothing", null, {}],
  ["an empty header", "", {}],
  ["commas alone", " , ,, ", {}],
  ["one directive", "no-store", { "no-store": "" }],
  ["several", "public, max-age=60", { public: "", "max-age": "60" }],
  ["no space between them", "public,max-age=60", { public: "", "max-age": "60" }],
  ["tabs around them", "\tpublic\t,\tmax-age=60\t", { public: "", "max-age": "60" }],
  ["capitals in a name", "Max-AGE=60, NO-Cache", { "max-age": "60", "no-cache": "" }],
  ["an argument in quotes", 'max-age="60"', { "max-age": "60" }],
  ["escapes in quotes", String.raw`ext="a\"b\\c"`, { ext: String.raw`a"b\c` }],
  ["a comma in quotes", 'private="a, b", max-age=1', { private: "a, b", "max-age": "1" }],
  ["a directive within quotes", 'ext="no-store, private"', { ext: "no-store, private" }],
  ["the first of two", "max-age=1, max-age=2", { "max-age": "1" }],
  ["the first of two in other capitals", "max-age=1, MAX-AGE=2", { "max-age": "1" }],
  ["an equals sign in an argument", "ext=a=b", { ext: "a=b" }],
  ["an empty argument", "max-age=", { "max-age": "" }],
  ["no name", "=60, public", { public: "" }],
  ["quotes that never end", 'public, ext="a, no-store', { public: "", ext: '"a, no-store' }],
  ["an escape at the very end", 'ext="a\\', { ext: '"a\\' }],
];

for (const [what, header, expected] of CASES) {
  Deno.test(`Cache-Control with ${what} is read`, () => {
    assertEquals(Object.fromEntries(parseDirectives(header)), expected);
  });
}

Deno.test("a directive whose name is one of an object's own members is just a directive", () => {
  const directives = parseDirectives("__proto__=1, constructor, toString=2");
  assertEquals([...directives], [["__proto__", "1"], ["constructor", ""], ["tostring", "2"]]);
});

const DELTAS: readonly (readonly [string, number | undefined])[] = [
  ["public", undefined],
  ["max-age=0", 0],
  ["max-age=60", 60_000],
  ["max-age=0060", 60_000],
  ['max-age="60"', 60_000],
  ["max-age=2147483648", 2 ** 31 * 1000],
  ["max-age=99999999999999999999999999", 2 ** 31 * 1000],
  ["max-age", 0],
  ["max-age=", 0],
  ["max-age=-1", 0],
  ["max-age=+1", 0],
  ["max-age=1.5", 0],
  ["max-age=1e3", 0],
  ["max-age=0x10", 0],
  ["max-age=60s", 0],
  ["max-age= 60", 0],
  ["max-age =60", undefined],
  ["max-age='60'", 0],
  ["max-age=٦٠", 0],
];

for (const [header, expected] of DELTAS) {
  Deno.test(`${header} is ${expected} ms`, () => {
    assertEquals(deltaMs(parseDirectives(header), "max-age"), expected);
  });
}

/** A directive, as a header writes it and as it is meant. */
function directive(random: Random): { text: string; name: string; value: string } {
  const name = random.pick(["a", "b-c", "max-age", "x"]) + random.int(0, 3);
  const isQuoted = random.bool();
  const value = random.text(isQuoted ? ["a", ",", " ", '"', "\\", "="] : ["a", "1", "-"], 6);
  const written = isQuoted ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : value;
  const shown = random.bool() ? name : name.toUpperCase();
  return { text: `${shown}=${written}`, name, value };
}

property("what is written is read again", 300, (random) => {
  const written = random.list(0, 8, () => directive(random));
  const read = parseDirectives(
    written.map(({ text }) => text).join(random.pick([",", ", ", " , ", ",,"])),
  );
  const expected = new Map<string, string>();
  for (const { name, value } of written) if (!expected.has(name)) expected.set(name, value);
  assertEquals(Object.fromEntries(read), Object.fromEntries(expected));
});

property("no text stops the reading", 300, (random) => {
  const text = random.text(['"', "\\", ",", "=", " ", "a", "max-age", "1"], 40);
  for (const name of parseDirectives(text).keys()) assertEquals(name, name.toLowerCase());
});

const LONG: readonly string[] = [
  ",".repeat(200_000),
  '"'.repeat(200_000),
  '"' + "\\".repeat(200_000),
  'a="' + "\\a".repeat(100_000),
  "=".repeat(200_000),
  " ".repeat(200_000) + "x",
  "max-age=" + "1".repeat(200_000),
  Array.from({ length: 40_000 }, (_, index) => `a${index}`).join(","),
];

for (const [index, header] of LONG.entries()) {
  Deno.test(`a header of 200,000 characters is read: ${index}`, () => {
    // What is quadratic would take minutes.
    deltaMs(parseDirectives(header), "max-age");
  });
}
