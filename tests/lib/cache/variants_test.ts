import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  isInWantedLanguage,
  selectionKey,
  variesByMore,
  varyNames,
} from "../../../lib/cache/variants.ts";
import { property } from "../../support/random.ts";

const NAMES: readonly (readonly [string | null, readonly string[]])[] = [
  [null, []],
  ["", []],
  [" , ,", []],
  ["Accept", ["accept"]],
  ["b, A", ["a", "b"]],
  ["a,a, A", ["a"]],
  ["a;q=1, b c, d, (", ["d"]],
];

for (const [vary, expected] of NAMES) {
  Deno.test(`Vary ${JSON.stringify(vary)} names ${JSON.stringify(expected)}`, () => {
    const names = varyNames(new Headers(vary === null ? {} : { vary }));
    assertEquals(names, expected);
    selectionKey(names, new Headers({ a: "1" }));
  });
}

for (const vary of ["*", "a, *", "*,a", "a, b c", "a;q=1", "é"]) {
  Deno.test(`a response with Vary ${vary} matches no request`, () => {
    assert(variesByMore(new Headers({ vary })));
  });
}

for (const vary of ["", ",", "a", "a, ,b", "*a"]) {
  Deno.test(`a response with Vary ${JSON.stringify(vary)} matches by headers alone`, () => {
    assert(!variesByMore(new Headers({ vary })));
  });
}

const SAME: readonly (readonly [string, string])[] = [
  ["a, b", "a,b"],
  ["a , b", "a,b"],
  ["  a", "a"],
  ["a\t,\tb", "a,b"],
];

for (const [left, right] of SAME) {
  Deno.test(`${JSON.stringify(left)} and ${JSON.stringify(right)} select the same response`, () => {
    assertEquals(
      selectionKey(["x"], new Headers({ x: left })),
      selectionKey(["x"], new Headers({ x: right })),
    );
  });
}

const OTHER: readonly (readonly [Record<string, string>, Record<string, string>])[] = [
  [{ x: "a" }, { x: "b" }],
  [{ x: "a" }, { x: "A" }],
  [{ x: "a, b" }, { x: "b, a" }],
  [{ x: "a b" }, { x: "ab" }],
  [{ x: "" }, {}],
  [{ x: "null" }, {}],
  [{ x: "a", y: "b" }, { x: "a" }],
  [{ x: 'a","b' }, { x: "a", y: "b" }],
];

for (const [left, right] of OTHER) {
  Deno.test(`${JSON.stringify(left)} and ${JSON.stringify(right)} select different responses`, () => {
    assertNotEquals(
      selectionKey(["x", "y"], new Headers(left)),
      selectionKey(["x", "y"], new Headers(right)),
    );
  });
}

Deno.test("a comma within quotes separates nothing: different quoted strings select different responses", () => {
  assertNotEquals(
    selectionKey(["x"], new Headers({ x: '"a, b"' })),
    selectionKey(["x"], new Headers({ x: '"a,b"' })),
  );
});

Deno.test("separate lines of a header select what one line does", () => {
  const apart = new Headers([["x", "a"], ["x", "b"]]);
  assertEquals(selectionKey(["x"], apart), selectionKey(["x"], new Headers({ x: "a,b" })));
});

Deno.test("headers that Vary does not name do not select", () => {
  assertEquals(selectionKey([], new Headers({ x: "1" })), "");
  assertEquals(
    selectionKey(["x"], new Headers({ x: "1", y: "2" })),
    selectionKey(["x"], new Headers({ x: "1" })),
  );
});

property("requests choose the same answer only when the named headers agree", 200, (random) => {
  const names = ["a", "b", "c"].filter(() => random.bool());
  const request = () =>
    new Headers(
      ["a", "b", "c", "d"].filter(() => random.bool()).map((
        name,
      ) => [name, random.pick(["1", "2"])]),
    );
  const [left, right] = [request(), request()];
  const agree = names.every((name) => left.get(name) === right.get(name));
  assertEquals(selectionKey(names, left) === selectionKey(names, right), agree);
});

for (const piece of [" ", ",", " ,", "\t", "a ", '"', "\\"]) {
  Deno.test(`a header of 200,000 times ${JSON.stringify(piece)} selects`, () => {
    // What is quadratic would take minutes.
    const value = "a" + piece.repeat(200_000) + "b";
    selectionKey(["x"], new Headers({ x: value }));
    varyNames(new Headers({ vary: value }));
  });
}

/** What `Accept-Language` chooses. */
function inLanguages(value: string): string {
  return selectionKey(["accept-language"], new Headers({ "accept-language": value }));
}

for (
  const same of [
    "de, en",
    "eN, De",
    " en ,   de",
    "de;q=1.0,en;q=1",
    "en,,de;q=1.000",
    "de ; q=1, en",
  ]
) {
  Deno.test(`Accept-Language ${JSON.stringify(same)} is en, de`, () => {
    assertEquals(inLanguages(same), inLanguages("en, de"));
  });
}

for (
  const other of [
    "en",
    "en, de;q=0.9",
    "en, de, fr",
    "en, de-AT",
    "en, de, *",
    "en;q=0, de",
    "en, de;x=1",
    "en de",
  ]
) {
  Deno.test(`Accept-Language ${JSON.stringify(other)} is another than en, de`, () => {
    assertNotEquals(inLanguages(other), inLanguages("en, de"));
  });
}

for (
  const [vary, language, wanted, isWanted] of [
    ["Accept-Language", "de", "fr;q=0.5, de;q=1.0", true],
    ["Accept-Language", "DE", "de", true],
    ["Accept-Language", "de", "de, fr", false],
    ["Accept-Language", "de", "fr, de;q=0.9", false],
    ["Accept-Language", "de", "de-AT, de;q=0.9", false],
    ["Accept-Language", "de, en", "de", false],
    ["Accept-Language, Cookie", "de", "de", false],
    ["Accept-Language", "de", "de;q=2", false],
  ] as const
) {
  Deno.test(`a response in ${language}, by ${vary}, is ${isWanted ? "" : "not "}the one for ${wanted}`, () => {
    const answer = new Headers({ vary, "content-language": language });
    const request = new Headers({ "accept-language": wanted });
    assertEquals(isInWantedLanguage(answer, request), isWanted);
  });
}
