import { assertEquals, assertMatch } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { ExactNumber } from "../../../lib/json/exact_number.ts";
import { JsonDocument } from "../../../lib/json/json_document.ts";
import { nextPath, type NextRule, pageUrl } from "../../../lib/gather/next_page.ts";
import { property } from "../../support/random.ts";

const BASE = new URL("https://api.example:8443/v1/");
const PATH = "/shops/7/items?size=2&page=1";

function nextOf(reference: unknown, rule: Partial<NextRule> = {}) {
  const isLink = rule.next === "link";
  const page = {
    number: 3,
    headers: new Headers(isLink ? { link: String(reference) } : {}),
    document: JsonDocument.of({ next: reference }),
    path: PATH,
  };
  return nextPath(page, { next: ["next"], firstPath: PATH, base: BASE, ...rule });
}

function summaryOf(next: string | GatewayError | undefined) {
  if (!(next instanceof GatewayError)) return next;
  assertEquals(next.kind, "upstream-invalid");
  return next.message;
}

const OFF = "page 3 leads off its upstream";
const DOTS = 'page 3 leads to a path with a segment "." or ".."';
const NO_PARAM = "page 3 has a cursor, for which the part has no param";
const NO_REFERENCE = "page 3 names the next one with neither a URL nor a cursor";

const REFERENCES: readonly (readonly [reference: unknown, next: string | undefined])[] = [
  [undefined, undefined],
  [null, undefined],
  ["", undefined],
  ["https://api.example:8443/v1/shops/7/items?page=2", "/shops/7/items?page=2"],
  ["HTTPS://API.example:8443/v1/x#top", "/x"],
  ["https://name:secret@api.example:8443/v1/x", "/x"],
  ["/v1/x?a=%2F&b=1+2", "/x?a=%2F&b=1+2"],
  ["/v1/x?to=../y", "/x?to=../y"],
  ["/v1", ""],
  ["/v1?page=2", "?page=2"],
  ["?page=2", "/shops/7/items?page=2"],
  // Elsewhere.
  ["https://evil.example/v1/x", OFF],
  ["https://api.example/v1/x", OFF],
  ["http://api.example:8443/v1/x", OFF],
  ["https://api.example:8443@evil.example/v1/x", OFF],
  ["//evil.example/v1/x", OFF],
  ["/\\evil.example/v1/x", OFF],
  ["file:///v1/x", OFF],
  ["https://", OFF],
  ["/", OFF],
  ["/v2/x", OFF],
  ["/v10/x", OFF],
  ["/V1/x", OFF],
  ["/v1/../admin", OFF],
  ["/v1/%2e%2e/admin", OFF],
  ["/v1/.\t./admin", OFF],
  ["/v1%2f..%2fadmin", OFF],
  ["/v1/x/../y", DOTS],
  ["/v1/./y", DOTS],
  ["/v1/%2E%2e%2fadmin", DOTS],
  ["/v1/x%5c..%5c..%5cadmin", DOTS],
  ["/v1/..;/admin", DOTS],
  ["/v1/x%2f.\t.%2fadmin", DOTS],
  // No reference, and no param for a cursor.
  ["abc", NO_PARAM],
  ["items?page=2", NO_PARAM],
  [2, NO_PARAM],
  [true, NO_REFERENCE],
  [false, NO_REFERENCE],
  [{}, NO_REFERENCE],
  [["/v1/x"], NO_REFERENCE],
];
for (const [reference, next] of REFERENCES) {
  Deno.test(`${JSON.stringify(reference)} leads to ${next}`, () => {
    assertEquals(summaryOf(nextOf(reference)), next);
  });
}

const CURSORS: readonly (readonly [cursor: unknown, next: string | undefined])[] = [
  ["abc", `${PATH}&cursor=abc`],
  ["a/b+c=&d?#é", `${PATH}&cursor=a%2Fb%2Bc%3D%26d%3F%23%C3%A9`],
  ["date:2026-01-01", `${PATH}&cursor=date%3A2026-01-01`],
  ["..", `${PATH}&cursor=..`],
  [0, `${PATH}&cursor=0`],
  [-1.5, `${PATH}&cursor=-1.5`],
  [9007199254740991, `${PATH}&cursor=9007199254740991`],
  [new ExactNumber("9007199254740993"), `${PATH}&cursor=9007199254740993`],
  [new ExactNumber("1E2"), `${PATH}&cursor=1E2`],
  ["\ud800", NO_REFERENCE],
  [{}, NO_REFERENCE],
  [null, undefined],
  ["?page=2", "/shops/7/items?page=2"],
  ["//evil.example", OFF],
];
for (const [cursor, next] of CURSORS) {
  Deno.test(`with a param, ${JSON.stringify(cursor)} leads to ${next}`, () => {
    assertEquals(summaryOf(nextOf(cursor, { param: "cursor" })), next);
  });
}

for (
  const [firstPath, path] of [
    ["/items", "/items?after=x"],
    ["/items?", "/items?after=x"],
    ["/items?after=0", "/items?after=x"],
    ["/items?after", "/items?after=x"],
    ["/items?a=1&%61fter=0&b=%2F&after=1", "/items?a=1&b=%2F&after=x"],
    ["/items?q=a?b&size=2", "/items?q=a?b&size=2&after=x"],
  ] as const
) {
  Deno.test(`a cursor is put into the part's own call: ${firstPath}`, () => {
    assertEquals(nextOf("x", { param: "after", firstPath }), path);
  });
}

const LINKS: readonly (readonly [link: string, next: string | undefined])[] = [
  ["<?page=2>; rel=next", "/shops/7/items?page=2"],
  ["<items?page=2>; rel=next", "/shops/7/items?page=2"],
  ["</v1/x>; rel=prev, </v1/y>; rel=next", "/y"],
  ["<>; rel=next", PATH],
  ["</v1/x>; rel=prev", undefined],
  ["<https://evil.example/v1/x>; rel=next", OFF],
  ["<javascript:alert(1)>; rel=next", OFF],
  ["<../items?page=2>; rel=next", DOTS],
  ["</v1/x; rel=next", "page 3 has a Link header that cannot be read"],
];
for (const [link, next] of LINKS) {
  Deno.test(`Link: ${link} leads to ${next}`, () => {
    assertEquals(summaryOf(nextOf(link, { next: "link" })), next);
  });
}

Deno.test("an upstream without a base path, and a function, have their whole place", () => {
  for (const base of [new URL("http://127.0.0.1:1"), undefined]) {
    assertEquals(summaryOf(nextOf("/a?b", { base })), "/a?b");
    assertEquals(summaryOf(nextOf("/", { base })), "/");
    assertEquals(summaryOf(nextOf("http://127.0.0.2:1/a", { base })), OFF);
  }
});

property("no reference leads off its upstream", 2_000, (random) => {
  const pieces = [
    ..."/ /v1 /v1/ x .. . %2e %2f %5c \\ ? # @ : ; // http: https:// evil.example \t".split(" "),
    "api.example:8443",
    "https://api.example:8443/v1",
    "\n",
  ];
  const next = nextOf(random.text(pieces, 8), random.bool() ? { param: "cursor" } : {});
  if (typeof next !== "string") return;
  const { origin, pathname } = pageUrl(next, BASE);
  assertEquals(origin, BASE.origin);
  assertMatch(pathname, /^\/v1(?:\/|$)/);
});
