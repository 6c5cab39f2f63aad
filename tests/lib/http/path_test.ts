import { assert, assertEquals, assertFalse } from "@std/assert";
import { hasDotSegment, parseTarget } from "../../../lib/http/path.ts";
import { property } from "../../support/random.ts";

for (
  const path of [
    "/.",
    "/..",
    "/a/./b",
    "/a/../b",
    "/a/..",
    "..",
    "/%2e",
    "/%2E%2e/a",
    "/.%2e",
    "/%2e./",
    "/a%2f..%2Fb",
    "/a\\..\\b",
    "/a%5C..%5cb",
    "/..;x=1/b",
    "/.;/b",
    "/%2e%2e;a;b",
  ]
) {
  Deno.test(`${path} has a dot segment`, () => assert(hasDotSegment(path)));
}

for (
  const path of [
    "",
    "/",
    "//",
    "/a.b/c..d",
    "/...",
    "/.a/..b",
    "/a./b..",
    "/%252e%252e/",
    "/;..",
    "/a;/..b",
    "/.%2",
    "/%2e%2e%2e",
    "/.well-known/x",
  ]
) {
  Deno.test(`${path} has no dot segment`, () => assertFalse(hasDotSegment(path)));
}

/** What the most lenient server makes of a path: decodes first, then cuts parameters off. */
function plainModel(path: string): boolean {
  let decoded = "";
  for (let at = 0; at < path.length; at++) {
    const code = path.slice(at, at + 3).toLowerCase();
    const meaning: Record<string, string> = { "%2e": ".", "%2f": "/", "%5c": "/" };
    const plain = meaning[code];
    if (plain !== undefined) at += 2;
    decoded += plain ?? (path.charAt(at) === "\\" ? "/" : path.charAt(at));
  }
  return decoded.split("/").some((segment) => {
    const name = segment.includes(";") ? segment.slice(0, segment.indexOf(";")) : segment;
    return name === "." || name === "..";
  });
}

property("hasDotSegment sees what a plain model of a lenient server sees", 5000, (random) => {
  const pieces = [
    "/",
    "\\",
    ".",
    ".",
    "%2e",
    "%2E",
    "%2f",
    "%2F",
    "%5c",
    "%5C",
    ";",
    "a",
    "%",
    "2",
    "e",
  ];
  const path = random.text(pieces, 7);
  assertEquals(hasDotSegment(path), plainModel(path), path);
});

// parseTarget

Deno.test("a target is taken apart as it came", () => {
  assertEquals(parseTarget("http://h:1/a/../%2e?x=/?#y".replace("#y", "")), {
    authority: "h:1",
    pathname: "/a/../%2e",
    search: "?x=/?",
  });
  assertEquals(parseTarget("https://[::1]:8000//"), {
    authority: "[::1]:8000",
    pathname: "//",
    search: "",
  });
  assertEquals(parseTarget("http://h/?"), { authority: "h", pathname: "/", search: "?" });
  assertEquals(parseTarget("http:///a"), { authority: "", pathname: "/a", search: "" });
});

for (
  const url of [
    "",
    "/a",
    "http://h",
    "http://h?x",
    "ftp://h/",
    "http://h/a#b",
    "http://h/?a#b",
    "xhttp://h/",
  ]
) {
  Deno.test(`"${url}" is no target`, () => assertEquals(parseTarget(url), undefined));
}
