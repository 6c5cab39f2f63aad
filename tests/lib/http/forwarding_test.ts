import { assertEquals } from "@std/assert";
import { parseRange } from "../../../lib/http/address.ts";
import { FieldList } from "../../../lib/core/field_list.ts";
import type { AddressTrust } from "../../../lib/http/client_address.ts";
import { readForwarding, writeForwarding } from "../../../lib/http/forwarding.ts";

const OWN = { peer: "10.0.0.1", scheme: "http", host: "inner:8000" } as const;

function trusting(header: string): AddressTrust {
  const range = parseRange("10.0.0.0/8");
  return { proxies: range ? [range] : [], header };
}

/** Scheme, host, port and prefix, as those who are told them read them. */
function read(headers: HeadersInit, header = "x-forwarded-for"): unknown[] {
  const { scheme, host, port, prefix } = readForwarding(
    new Headers(headers),
    OWN,
    trusting(header),
  );
  return [scheme, host, port, prefix];
}

const UNSAID = ["http", "inner:8000", "8000", ""];

Deno.test("of a trusted peer each well-formed claim is believed by itself", () => {
  assertEquals(read({}), UNSAID);
  assertEquals(read({ "x-forwarded-proto": "https" }), ["https", "inner:8000", "8000", ""]);
  assertEquals(read({ "x-forwarded-host": "a.example" }), ["http", "a.example", "80", ""]);
  assertEquals(read({ "x-forwarded-host": "[2001:db8::1]:81" }).slice(1, 3), [
    "[2001:db8::1]:81",
    "81",
  ]);
  assertEquals(read({ "x-forwarded-port": "443" })[2], "443");
  assertEquals(read({ "x-forwarded-prefix": "/a/b-c" })[3], "/a/b-c");
});

for (
  const headers of [
    { "x-forwarded-proto": "https, http" },
    { "x-forwarded-proto": "wss" },
    { "x-forwarded-proto": "" },
    { "x-forwarded-proto": 'https"' },
    { "x-forwarded-host": "a.example, b.example" },
    { "x-forwarded-host": "a.example,b.example" },
    { "x-forwarded-host": "a.example/x" },
    { "x-forwarded-host": "user@a.example" },
    { "x-forwarded-host": "<script>" },
    { "x-forwarded-host": "a:b" },
    { "x-forwarded-host": "\xe9" },
    { "x-forwarded-host": "" },
    { "x-forwarded-port": "0" },
    { "x-forwarded-port": "65536" },
    { "x-forwarded-port": "443, 80" },
    { "x-forwarded-port": "+443" },
    { "x-forwarded-prefix": "app" },
    { "x-forwarded-prefix": "//evil.example" },
    { "x-forwarded-prefix": "/a/../b" },
    { "x-forwarded-prefix": "/a, /b" },
    { "x-forwarded-prefix": "/a?b" },
    { "x-forwarded-prefix": "https://evil.example" },
    { forwarded: "for=192.0.2.1;proto=https;host=a.example" },
  ]
) {
  Deno.test(`not believed: ${JSON.stringify(headers)}`, () => {
    assertEquals(read(headers), UNSAID);
  });
}

// [Forwarded, scheme, host]: the element that names the client tells what it asked for.
for (
  const [forwarded, scheme, host] of [
    ["for=192.0.2.1;proto=https;host=a.example", "https", "a.example"],
    ['For="192.0.2.1:9";Proto="HTTPS";Host="a.example:8443"', "https", "a.example:8443"],
    [
      "for=192.0.2.1;proto=https;host=a.example, for=10.0.0.2;proto=http;host=b",
      "https",
      "a.example",
    ],
    [
      "for=6.6.6.6;proto=https;host=evil.example, for=192.0.2.1;proto=http;host=a.example",
      "http",
      "a.example",
    ],
    ["for=_hidden;proto=https;host=a.example", "https", "a.example"],
    ["for=192.0.2.1;proto=https", "https", "inner:8000"],
    ["for=192.0.2.1;proto=https;proto=http", "https", "inner:8000"],
    ["for=192.0.2.1", "http", "inner:8000"],
    ["for=192.0.2.1;proto=ftp;host=a/b", "http", "inner:8000"],
    ['for="192.0.2.1, for=6.6.6.6;proto=https', "http", "inner:8000"],
    ["for=192.0.2.1;toString=1;proto=constructor", "http", "inner:8000"],
  ] as const
) {
  Deno.test(`Forwarded: ${forwarded} is ${scheme} ${host}`, () => {
    const claims = { forwarded, "x-forwarded-proto": "https", "x-forwarded-host": "x.example" };
    assertEquals(read(claims, "forwarded").slice(0, 2), [scheme, host]);
  });
}

Deno.test("an upstream gets no address that only the client claims", () => {
  const headers = new Headers({ "x-forwarded-for": "6.6.6.6, 192.0.2.1, 10.0.0.2" });
  const trust = trusting("x-forwarded-for");
  const sent = new FieldList(headers);
  writeForwarding(sent, readForwarding(headers, OWN, trust), trust);
  assertEquals(sent.get("x-forwarded-for"), "192.0.2.1, 10.0.0.2, 10.0.0.1");
  assertEquals(sent.get("x-real-ip"), "192.0.2.1");
});
