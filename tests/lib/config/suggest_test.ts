import { assertEquals } from "@std/assert";
import { suggest } from "../../../lib/config/suggest.ts";

const KEYS = ["url", "headers", "timeout", "maxBody"];
const choice = "; available: url, headers, timeout, maxBody";

const CASES: readonly (readonly [string, string])[] = [
  ["timeuot", '; did you mean "timeout"?'],
  ["timeou", '; did you mean "timeout"?'],
  ["ttimeout", '; did you mean "timeout"?'],
  ["tineout", '; did you mean "timeout"?'],
  ["TIMEOUT", '; did you mean "timeout"?'],
  ["maxbody", '; did you mean "maxBody"?'],
  ["timout", '; did you mean "timeout"?'],
  ["tmeot", '; did you mean "timeout"?'],
  ["tmeo", choice],
  ["header", '; did you mean "headers"?'],
  ["urls", '; did you mean "url"?'],
  ["ur", '; did you mean "url"?'],
  ["rul", '; did you mean "url"?'],
  ["xyz", choice],
  ["u", choice],
  ["", choice],
  ["retry", choice],
];

for (const [wrong, suggestion] of CASES) {
  Deno.test(`"${wrong}" suggests${suggestion}`, () => {
    assertEquals(suggest(wrong, KEYS), suggestion);
  });
}

Deno.test("the nearest is suggested, the first of several as near", () => {
  assertEquals(suggest("users", ["user", "usersx", "users2"]), '; did you mean "user"?');
  assertEquals(suggest("orders", ["borders2", "order"]), '; did you mean "order"?');
});

Deno.test("a short word needs to be nearer: one edit from two letters, none for one", () => {
  assertEquals(suggest("ab", ["cd"]), "; available: cd");
  assertEquals(suggest("ab", ["ac"]), '; did you mean "ac"?');
  assertEquals(suggest("a", ["b"]), "; available: b");
  assertEquals(suggest("a", ["A"]), '; did you mean "A"?');
  assertEquals(suggest("abc", ["axy"]), "; available: axy");
  assertEquals(suggest("port", ["cors"]), "; available: cors");
});

Deno.test("a long word may differ in two letters, not in three", () => {
  assertEquals(suggest("abcdefyz", ["abcdefgh"]), '; did you mean "abcdefgh"?');
  assertEquals(suggest("abcdexyz", ["abcdefgh"]), "; available: abcdefgh");
});

Deno.test("swapped neighbours count once, letters apart do not", () => {
  assertEquals(suggest("abdc", ["abcd"]), '; did you mean "abcd"?');
  assertEquals(suggest("badce", ["abcde"]), '; did you mean "abcde"?');
  assertEquals(suggest("ba", ["ab"]), '; did you mean "ab"?');
  assertEquals(suggest("dbcae", ["abcde"]), '; did you mean "abcde"?');
  assertEquals(suggest("dcbae", ["abcde"]), "; available: abcde");
  assertEquals(suggest("abxab", ["bcxbc"]), "; available: bcxbc");
});

Deno.test("where there is nothing, nothing is suggested", () => {
  assertEquals(suggest("a", []), "");
});
