import { assert, assertEquals } from "@std/assert";
import { isWithinConfig, startGuarded } from "../support/guarded.ts";
import { ask, askFor, problemKind } from "../support/wire.ts";

/** What the gateway must refuse wherever it stands in a path. */
const REFUSED = [
  "..",
  "../",
  "../../secret",
  ".",
  "./x",
  "%2e%2e",
  "%2E%2e/secret",
  "%2E.",
  ".%2e/secret",
  "..%2f",
  "..%2Fsecret",
  "..%5csecret",
  "%2e%2e%2fsecret",
  "%2e%2e%5Csecret",
  "x%2f..%2f..%2fsecret",
  "x%5c..%5csecret",
  "..;/secret",
  "..;a=b/secret",
  "%2e%2e;/secret",
  "..\\secret",
  "..\\..\\secret",
  "x\\y",
  "\\\\evil.example",
  "%",
  "%2",
  "%zz",
  "%%32%65",
  "x%",
  "x#y",
  "#",
];

for (const prefix of ["/api/", "/v1/", "/users/", "/both/x/"]) {
  for (const hostile of REFUSED) {
    Deno.test(`${prefix}${hostile} is 400, and nobody is asked`, async () => {
      await using guarded = startGuarded();
      const answer = await askFor(guarded.gateway.port, prefix + hostile);
      assertEquals([answer.status, problemKind(answer)], [400, "bad-request"]);
      assertEquals(guarded.takeTargets(), []);
    });
  }
}

for (const value of ["", ".", "..", "%2e%2e", "..%2fsecret", "x%2f..%2fy", "..%5cx"]) {
  Deno.test(`a query value that is ${value} is 400, and nobody is asked`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, `/find?q=${value}`);
    assertEquals([answer.status, problemKind(answer)], [400, "bad-request"]);
    assertEquals(guarded.takeTargets(), []);
  });
}

interface Odd {
  readonly value: string;
  /** How it reaches the upstream as a parameter's value; undefined when it does not. */
  readonly encoded?: string;
}

/** What is odd, but leads nowhere. */
const ODD: readonly Odd[] = [
  { value: "%2f", encoded: "%2F" },
  { value: "x%2Fy", encoded: "x%2Fy" },
  { value: "%3Fq=1", encoded: "%3Fq%3D1" },
  { value: "%23x", encoded: "%23x" },
  { value: "%26a=b;c", encoded: "%26a%3Db%3Bc" },
  { value: "%0a", encoded: "%0A" },
  { value: "%0d%0aX-Evil:%201", encoded: "%0D%0AX-Evil%3A%201" },
  { value: "x%20HTTP/1.1%0d%0a" },
  { value: "%00", encoded: "%00" },
  { value: "%09", encoded: "%09" },
  { value: "%5c", encoded: "%5C" },
  { value: "%7f", encoded: "%7F" },
  { value: "é", encoded: "%C3%A9" },
  { value: "%C3%A9", encoded: "%C3%A9" },
  { value: "%F0%9F%98%80", encoded: "%F0%9F%98%80" },
  { value: "%E2%80%AE", encoded: "%E2%80%AE" },
  { value: "%EF%BC%8E%EF%BC%8E", encoded: "%EF%BC%8E%EF%BC%8E" },
  { value: "%252e%252e", encoded: "%252e%252e" },
  { value: "%252e%252e%252fsecret", encoded: "%252e%252e%252fsecret" },
  { value: "%2525", encoded: "%2525" },
  { value: "...", encoded: "..." },
  { value: "..x", encoded: "..x" },
  { value: ";x", encoded: "%3Bx" },
  { value: "{id}", encoded: "%7Bid%7D" },
  { value: "%7Bid%7D", encoded: "%7Bid%7D" },
  { value: "*", encoded: "%2A" },
  { value: "__proto__", encoded: "__proto__" },
  { value: "a".repeat(10_000), encoded: "a".repeat(10_000) },
  { value: "%c0%ae%c0%ae" },
  { value: "%c0%af" },
  { value: "%ff" },
  { value: "%ed%a0%80" },
  { value: "x%E2%80" },
];

for (const { value, encoded } of ODD) {
  const short = value.slice(0, 30);
  Deno.test(`a parameter that is ${short} stays one segment of the part's path`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, `/users/${value}`);
    const targets = guarded.takeTargets();
    if (encoded === undefined) {
      assert(["bad-request", "not-found"].includes(problemKind(answer) ?? ""), answer.body);
      assertEquals(targets, []);
    } else {
      assertEquals(answer.status, 200, answer.body);
      assertEquals(targets.map((target) => target.toLowerCase()), [
        `/public/users/${encoded}`.toLowerCase(),
      ]);
    }
  });

  Deno.test(`a query value that is ${short} stays one segment of the part's path`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, `/find?q=${value}&p=${value}`);
    problemKind(answer);
    for (const target of guarded.takeTargets()) {
      assert(isWithinConfig(target), target);
      assertEquals(target.split("?").length <= 2 && target.split("&").length, 1, target);
    }
  });

  Deno.test(`a forwarded path with ${short} goes to where it leads`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, `/api/${value}`);
    assertEquals(answer.status, 200, answer.body);
    const [target = ""] = guarded.takeTargets();
    assert(isWithinConfig(target), target);
    if (value !== "é" && value !== "{id}") assertEquals(target, `/public/api/${value}`);
  });
}

for (
  const [target, status] of [
    ["//api/x", 404],
    ["//evil.example/api/x", 404],
    ["/api", 200],
    ["/api//x", 200],
    ["/v1//evil.example", 200],
    ["/v1/@evil.example", 200],
    ["/v1/http://evil.example/", 200],
    ["http://evil.example/api/x", 200],
    ["http://evil.example/api/../x", 400],
    ["http://evil.example", 404],
    ["http://user@evil.example/api/x", 400],
    ["http://evil.example:99999/api/x", 200],
    ["ftp://evil.example/api/x", 400],
    ["evil.example/api/x", 400],
    ["api/x", 400],
    ["*", 400],
    ["?", 400],
    ["", 400],
    ["/api/x y", 400],
    ["/api/x\ty", 400],
    ["/api/x\0y", 400],
    ["/api/x\x7fy", 400],
    ["/users/", 404],
    ["/users//", 404],
    ["/both//x", 404],
    ["/both/x%2F/y", 200],
    ["/api%2fx", 404],
    ["/api%3Fx", 404],
    ["/_gateway/../api/x", 400],
  ] as const
) {
  Deno.test(`the target ${JSON.stringify(target)} is ${status}`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, target);
    problemKind(answer);
    assertEquals(answer.status, status, answer.body);
    const targets = guarded.takeTargets();
    assertEquals(targets.length, status === 200 ? 1 : 0);
    for (const target of targets) assert(isWithinConfig(target), target);
  });
}

Deno.test("dots in a query lead nowhere, and go through", async () => {
  await using guarded = startGuarded();
  const { status } = await askFor(guarded.gateway.port, "/api/x?a=/../..&b=%2e%2e/#".slice(0, -1));
  assertEquals(status, 200);
  assertEquals(guarded.takeTargets(), ["/public/api/x?a=/../..&b=%2e%2e/"]);
});

for (const value of ["..", ".", "", "a/../b", "..;x", "%2e%2e", "\\..\\", "a\tb", "é"]) {
  Deno.test(`a header value "${value}" stays one segment of the part's path`, async () => {
    await using guarded = startGuarded();
    const answer = await askFor(guarded.gateway.port, "/head", `X-Value: ${value}\r\n`);
    const kind = problemKind(answer);
    const targets = guarded.takeTargets();
    assertEquals(targets.length, kind === undefined ? 1 : 0);
    for (const target of targets) assert(isWithinConfig(target), target);
  });
}

// The path as it is matched is made of the Host header: what stands there must not move it.

for (
  const host of [
    "x/admin?",
    "x/api/..",
    "x?",
    "a#",
    "a\\b",
    "user@evil.example",
    "user:password@evil.example",
    "evil.example/",
    "evil.example:80:90",
    "evil.example:port",
    "[::1",
    "::1",
    "a b",
    "a\tb",
    "é",
    "<script>",
    '"',
    "a,b",
    "a, b",
  ]
) {
  Deno.test(`the Host "${host}" moves no path`, async () => {
    await using guarded = startGuarded();
    const answer = await ask(
      guarded.gateway.port,
      `GET /api/x HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    );
    const kind = problemKind(answer);
    if (host === "a,b") assertEquals(guarded.takeTargets(), ["/public/api/x"]);
    else assertEquals([kind, guarded.takeTargets()], ["bad-request", []]);
  });
}

for (
  const lines of [
    "Host: \r\n",
    "Host:\r\n",
    "Host: gateway.example:8000\r\n",
    "Host: [::1]:8000\r\n",
    "Host: :80\r\n",
  ]
) {
  Deno.test(`with ${JSON.stringify(lines)} the path is what it is`, async () => {
    await using guarded = startGuarded();
    const { status } = await ask(guarded.gateway.port, `GET /api/x HTTP/1.1\r\n${lines}\r\n`);
    assertEquals([status, guarded.takeTargets()], [200, ["/public/api/x"]]);
  });
}

Deno.test("HTTP/1.0 needs no Host", async () => {
  await using guarded = startGuarded();
  const { port } = guarded.gateway;
  assertEquals((await ask(port, "GET /api/x HTTP/1.0\r\n\r\n")).status, 200);
});

// HTTP/1.1 needs one. Which version it was is told by the connection that is to be closed.
for (
  const [request, status] of [
    ["GET /api/x HTTP/1.1\r\nConnection: close\r\n\r\n", 400],
    ["GET /api/x HTTP/1.1\r\nConnection: x-a, Close\r\n\r\n", 400],
    ["GET /api/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200],
    ["GET /_gateway/health/live HTTP/1.0\r\nConnection: close\r\n\r\n", 200],
  ] as const
) {
  Deno.test(`${JSON.stringify(request)} without a Host is ${status}`, async () => {
    await using guarded = startGuarded();
    assertEquals((await ask(guarded.gateway.port, request)).status, status);
  });
}

Deno.test("two Host headers are 400", async () => {
  await using guarded = startGuarded();
  const request = "GET /api/x HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n";
  assertEquals((await ask(guarded.gateway.port, request)).status, 400);
  assertEquals(guarded.takeTargets(), []);
});
