import { assertEquals } from "@std/assert";
import {
  canFreshen,
  conditionalHeaders,
  isNotModified,
  mergeHeaders,
  notModifiedHeaders,
  unconditionalHeaders,
} from "../../../lib/cache/conditional.ts";
import type { ResponseMetadata } from "../../../lib/cache/entry.ts";
import { property } from "../../support/random.ts";

const NOW = Date.UTC(2026, 0, 1);
const BEFORE = "Wed, 31 Dec 2025 00:00:00 GMT";
const THEN = "Thu, 01 Jan 2026 00:00:00 GMT";
const AFTER = "Fri, 02 Jan 2026 00:00:00 GMT";

type Fields = Record<string, string>;

function answer(headers: HeadersInit): ResponseMetadata {
  const times = { requestedAt: NOW, receivedAt: NOW };
  return { status: 200, headers: new Headers(headers), isAuthorized: false, ...times };
}

const CONDITIONS: readonly (readonly [Fields, Fields, boolean])[] = [
  [{}, { etag: '"a"' }, false],
  [{ "if-none-match": '"a"' }, { etag: '"a"' }, true],
  [{ "if-none-match": '"b"' }, { etag: '"a"' }, false],
  [{ "if-none-match": '"A"' }, { etag: '"a"' }, false],
  [{ "if-none-match": 'W/"a"' }, { etag: '"a"' }, true],
  [{ "if-none-match": '"a"' }, { etag: 'W/"a"' }, true],
  [{ "if-none-match": '"x", W/"y" ,"a"' }, { etag: '"a"' }, true],
  [{ "if-none-match": '"x,"a"' }, { etag: '"b"' }, false],
  [{ "if-none-match": '"x, a"' }, { etag: '"a"' }, false],
  [{ "if-none-match": '"x, a"' }, { etag: '"x, a"' }, true],
  [{ "if-none-match": '""' }, { etag: '""' }, true],
  [{ "if-none-match": "a" }, { etag: '"a"' }, false],
  [{ "if-none-match": "" }, { etag: '"a"' }, false],
  [{ "if-none-match": "*" }, { etag: '"a"' }, true],
  [{ "if-none-match": " * " }, {}, true],
  [{ "if-none-match": '"a"' }, {}, false],
  [{ "if-modified-since": THEN }, { "last-modified": THEN }, true],
  [{ "if-modified-since": THEN }, { "last-modified": BEFORE }, true],
  [{ "if-modified-since": THEN }, { "last-modified": AFTER }, false],
  [{ "if-modified-since": "Thursday, 01-Jan-26 00:00:00 GMT" }, { "last-modified": THEN }, true],
  [{ "if-modified-since": "then" }, { "last-modified": THEN }, false],
  [{ "if-modified-since": THEN }, { date: THEN }, true],
  [{ "if-modified-since": BEFORE }, { date: THEN }, false],
  [{ "if-modified-since": THEN }, { "last-modified": "then", date: AFTER }, false],
  [{ "if-modified-since": THEN }, {}, false],
  [
    { "if-none-match": '"b"', "if-modified-since": AFTER },
    { etag: '"a"', "last-modified": THEN },
    false,
  ],
  [
    { "if-none-match": '"a"', "if-modified-since": BEFORE },
    { etag: '"a"', "last-modified": THEN },
    true,
  ],
  [{ "if-none-match": '"a"', "if-modified-since": AFTER }, { "last-modified": THEN }, false],
];

for (const [request, headers, expected] of CONDITIONS) {
  const told = `${JSON.stringify(request)} of ${JSON.stringify(headers)}`;
  Deno.test(`a conditional request ${told} ${expected ? "gets 304" : "gets the response"}`, () => {
    assertEquals(isNotModified(new Headers(request), new Headers(headers), NOW), expected);
  });
}

Deno.test("validation sends the stored validators, not the client's", () => {
  const asked = new Headers({
    "if-none-match": '"client"',
    "if-modified-since": AFTER,
    accept: "text/plain",
  });
  const of = (headers: Fields) => {
    const sent = conditionalHeaders(asked, answer(headers));
    return sent && Object.fromEntries(sent);
  };
  assertEquals(of({}), undefined);
  assertEquals(of({ etag: 'W/"a"' }), { accept: "text/plain", "if-none-match": 'W/"a"' });
  assertEquals(of({ "last-modified": THEN }), { accept: "text/plain", "if-modified-since": THEN });
  assertEquals(of({ etag: '"a"', "last-modified": THEN }), {
    accept: "text/plain",
    "if-none-match": '"a"',
    "if-modified-since": THEN,
  });
  assertEquals(Object.fromEntries(unconditionalHeaders(asked)), { accept: "text/plain" });
  assertEquals(asked.get("if-none-match"), '"client"', "the request itself is not changed");
});

Deno.test("a 304 with another ETag does not freshen the stored response", () => {
  const kept = answer({ etag: '"a"' });
  for (const told of [undefined, { etag: '"a"' }, { etag: 'W/"a"' }]) {
    assertEquals(canFreshen(new Headers(told), kept), true);
  }
  assertEquals(canFreshen(new Headers({ etag: '"b"' }), kept), false);
  assertEquals(canFreshen(new Headers({ etag: '"b"' }), answer({})), true);
});

Deno.test("a 304 replaces and adds headers, and leaves the rest and those of the body", () => {
  const kept = new Headers({
    "x-kept": "1",
    "x-changed": "1, 2",
    age: "50",
    "content-encoding": "gzip",
    "content-length": "10",
    "content-range": "bytes 0-9/10",
  });
  const told = new Headers({
    "x-changed": "3",
    "x-new": "4",
    "content-encoding": "br",
    "content-length": "0",
    "content-range": "bytes 0-1/2",
    "transfer-encoding": "chunked",
  });
  assertEquals(Object.fromEntries(mergeHeaders(kept, told)), {
    "x-kept": "1",
    "x-changed": "3",
    "x-new": "4",
    "content-encoding": "gzip",
    "content-length": "10",
    "content-range": "bytes 0-9/10",
  });
  assertEquals(kept.get("age"), "50", "what is kept is not changed itself");
});

Deno.test("a 304 replaces the age, and every cookie survives", () => {
  const told = new Headers([["age", "3"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  const merged = mergeHeaders(new Headers({ age: "50", "set-cookie": "c=3" }), told);
  assertEquals(merged.get("age"), "3");
  assertEquals(merged.getSetCookie(), ["a=1", "b=2"]);
});

Deno.test("the client's 304 has all headers but those of the body", () => {
  const told = notModifiedHeaders(
    new Headers([
      ["etag", '"a"'],
      ["cache-control", "max-age=60"],
      ["content-length", "10"],
      ["content-type", "text/plain"],
      ["content-encoding", "gzip"],
      ["content-language", "de"],
      ["content-location", "/a"],
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]),
  );
  assertEquals([...told], [
    ["cache-control", "max-age=60"],
    ["content-location", "/a"],
    ["etag", '"a"'],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
});

property("an ETag is found among any others, and only there", 300, (random) => {
  const etag = () => `${random.bool() ? "W/" : ""}"${random.text(["a", "b", ",", " ", "W/"], 4)}"`;
  const listed = random.list(1, 6, etag);
  const own = random.bool() ? random.pick(listed) : etag();
  const strong = (one: string) => one.replace(/^W\//, "");
  const headers = new Headers({ "if-none-match": listed.join(random.pick([",", ", ", " , "])) });
  const isListed = listed.some((one) => strong(one) === strong(own));
  assertEquals(isNotModified(headers, new Headers({ etag: own }), NOW), isListed);
});

for (const piece of ['"', "W/", 'W/"', '"a",', " ", ",", "a"]) {
  Deno.test(`If-None-Match of 200,000 characters of ${piece} is compared`, () => {
    // What is quadratic would take minutes.
    const listed = piece.repeat(200_000 / piece.length);
    isNotModified(new Headers({ "if-none-match": listed }), new Headers({ etag: '"x"' }), NOW);
    isNotModified(new Headers({ "if-none-match": '"x"' }), new Headers({ etag: listed }), NOW);
    isNotModified(new Headers({ "if-modified-since": listed }), new Headers(), NOW);
  });
}
