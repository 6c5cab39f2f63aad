import { assertEquals } from "@std/assert";
import {
  type CookieMapping,
  differingPrefixes,
  rewriteSetCookie,
} from "../../../lib/http/set_cookie.ts";
import { property } from "../../support/random.ts";

const STRIPPED: CookieMapping = {
  sent: "",
  received: "/v1",
  path: "/users/7",
  prefix: "/v1",
  hosts: ["users.internal", "10.0.0.7"],
  requested: "api.example",
};
const BASED: CookieMapping = { ...STRIPPED, sent: "/internal" };
const UNSTRIPPED: CookieMapping = { ...STRIPPED, received: "", prefix: "" };
const REWRITTEN: readonly (readonly [
  mapping: CookieMapping,
  field: string,
  expected: string,
])[] = [
  [STRIPPED, "a=1; Path=/", "a=1; Path=/v1"],
  [STRIPPED, "a=1; Path=/users", "a=1; Path=/v1/users"],
  [STRIPPED, "a=1; Path=/users/", "a=1; Path=/v1/users/"],
  [STRIPPED, "a=1;path=/x;HttpOnly", "a=1;path=/v1/x;HttpOnly"],
  [STRIPPED, "a=1; PATH = /x ; Secure", "a=1; PATH = /v1/x ; Secure"],
  [STRIPPED, "a=1; Path=/x; Path=/y", "a=1; Path=/v1/x; Path=/v1/y"],
  // The upstream uses X-Forwarded-Prefix.
  [STRIPPED, "a=1; Path=/v1/users", "a=1; Path=/v1/users"],
  [STRIPPED, "a=1; Path=/v12", "a=1; Path=/v1/v12"],
  [BASED, "a=1; Path=/internal", "a=1; Path=/v1"],
  [BASED, "a=1; Path=/internal/", "a=1; Path=/v1"],
  [BASED, "a=1; Path=/internal/x", "a=1; Path=/v1/x"],
  // Above what the route reaches: the route's part of it. Beside it: no URL of the route.
  [BASED, "a=1; Path=/", "a=1; Path=/v1"],
  [BASED, "a=1; Path=/internals", "a=1; Path=/internals"],
  [{ ...BASED, received: "" }, "a=1; Path=/internal", "a=1; Path=/"],
  [UNSTRIPPED, "a=1; Path=/x", "a=1; Path=/x"],
  [STRIPPED, "a=1; Domain=users.internal; Secure", "a=1; Secure"],
  [STRIPPED, "a=1; domain=.Users.Internal", "a=1"],
  [STRIPPED, "a=1; Domain=internal; Path=/", "a=1; Path=/v1"],
  [STRIPPED, "a=1; Domain=10.0.0.7", "a=1"],
  [STRIPPED, "a=1; Domain=0.0.7", "a=1; Domain=0.0.7"],
  // The last one counts.
  [STRIPPED, "a=1; Domain=example; Domain=users.internal", "a=1"],
  [
    STRIPPED,
    "a=1; Domain=users.internal; Domain=example",
    "a=1; Domain=users.internal; Domain=example",
  ],
  [{ ...STRIPPED, hosts: ["users.example"] }, "a=1; Domain=example", "a=1; Domain=example"],
  [
    { ...STRIPPED, hosts: ["users.api.example"] },
    "a=1; Domain=api.example",
    "a=1; Domain=api.example",
  ],
  // A path of the client's that would begin another attribute is not written.
  [{ ...BASED, received: "/a;Domain=evil" }, "a=1; Path=/internal/x; Secure", "a=1; Secure"],
];

for (const [mapping, field, expected] of REWRITTEN) {
  Deno.test(`Set-Cookie: ${mapping.sent || "/"} at ${mapping.received || "/"}: ${field}`, () => {
    assertEquals(rewriteSetCookie(field, mapping), expected);
  });
}

const UNTOUCHED = [
  "a=1",
  "",
  "a=1; Path",
  "a=1; Path=",
  "a=1; Path=x",
  'a=1; Path="/x"',
  "a=1; Domain=api.example",
  "a=1; Domain=elsewhere.example",
  "a=1; Domain=",
  "a=1; MyPath=/x; Pathology=/x; x-domain=users.internal",
  "path=/x",
  "domain=users.internal; Secure",
  "__Host-id=1; Path=/; Secure",
  "__host-id=1; Secure; path=/",
  'a="Path=/x, Domain=users.internal"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; SameSite=Lax; Partitioned',
  "a=b=c ;  HttpOnly;Priority=High;; Max-Age=0;",
];

for (const field of UNTOUCHED) {
  Deno.test(`Set-Cookie: nothing is rewritten in ${JSON.stringify(field)}`, () => {
    assertEquals(rewriteSetCookie(field, STRIPPED), field);
  });
}

Deno.test("__Secure- cookies move like any other", () => {
  const field = "__Secure-id=1; Secure; Path=/x";
  assertEquals(rewriteSetCookie(field, STRIPPED), "__Secure-id=1; Secure; Path=/v1/x");
});

property(
  "Set-Cookie: only Path and Domain change, and a rewritten path is below the route's",
  500,
  (random) => {
    const word = () =>
      random.list(0, 4, () => random.pick(["a", "/", "=", " ", ",", '"', "é"])).join("");
    const attributes = random.list(0, 5, () =>
      random.pick([
        word(),
        `Path=/${word()}`,
        "Domain=users.internal",
        `Expires=${word()}`,
        "secure",
      ]));
    const field = [`n=${word()}`, ...attributes].join(";");
    const rewritten = rewriteSetCookie(field, STRIPPED).split(";");
    const isOurs = (text: string) => /^\s*(path|domain)\s*=/i.test(text);
    assertEquals(
      rewritten.filter((text) => !isOurs(text)),
      field.split(";").filter((text) => !isOurs(text)),
    );
    for (const path of rewritten.filter((text) => /^Path=\//.test(text))) {
      assertEquals(`${path.trimEnd()}/`.startsWith("Path=/v1/"), true, path);
    }
  },
);

Deno.test("paths differ in what is before the segments that they share", () => {
  const cases = [
    ["/internal/a/b", "/v1/a/b", "/internal", "/v1"],
    ["/internal/", "/v1", "/internal", "/v1"],
    ["/internal/", "/v1/", "/internal", "/v1"],
    ["/internal/users/7", "/users/7", "/internal", ""],
    ["/users", "/a/users", "", "/a"],
    ["/", "/v1", "", "/v1"],
    ["/same/x", "/same/x", "", ""],
  ];
  for (const [sentPath = "", receivedPath = "", sent, received] of cases) {
    assertEquals(differingPrefixes(sentPath, receivedPath), { sent, received }, sentPath);
  }
});
