import { assertEquals, assertThrows } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import { Inputs } from "../../../lib/template/inputs.ts";
import { JsonDocument } from "../../../lib/json/json_document.ts";
import { FieldList } from "../../../lib/core/field_list.ts";
import { type CallTemplate, expandCall } from "../../../lib/template/part_call.ts";
import type { Call } from "../../../lib/core/source.ts";
import {
  type Json,
  parsePathTemplate,
  parseTextTemplate,
  parseValueTemplate,
  type Template,
} from "../../../lib/template/template.ts";
import { testCall } from "../../support/context.ts";
import { nastyText } from "../../support/nasty_text.ts";
import { property } from "../../support/random.ts";

interface Part {
  readonly method?: string;
  readonly path?: string;
  readonly params?: Readonly<Record<string, Json>>;
  readonly headers?: Readonly<Record<string, Json>>;
  readonly body?: Json;
  readonly ownHeaders?: Readonly<Record<string, string>>;
}

function valuesOf(values: Readonly<Record<string, Json>>): Record<string, Template<string[]>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, parseTextTemplate(value)]),
  );
}

function expand(part: Part, call: Partial<Call> = {}, clientBody?: unknown): Call {
  const { method = "GET", path = "/", params = {}, headers = {}, body, ownHeaders = {} } = part;
  const template: CallTemplate = {
    method,
    path: parsePathTemplate(path),
    passesQuery: parsePathTemplate(path).passesQuery,
    params: valuesOf(params),
    headers: valuesOf(headers),
    body: body === undefined ? undefined : parseValueTemplate(body),
    ownHeaders: FieldList.of(ownHeaders),
    mapped: [],
  };
  return expandCall(
    template,
    new Inputs(testCall(call), clientBody === undefined ? undefined : JsonDocument.of(clientBody)),
  );
}

const textOf = async ({ body }: Call) => body && new TextDecoder().decode(await body.bytes(1000));

// Query parameters.

const PARAMS: readonly {
  readonly path: string;
  readonly params: Readonly<Record<string, Json>>;
  readonly body?: unknown;
  readonly written: string;
}[] = [
  { path: "/a", params: {}, written: "/a" },
  { path: "/a", params: { x: "1", y: 2, z: true }, written: "/a?x=1&y=2&z=true" },
  { path: "/a?b=0", params: { x: "1" }, written: "/a?b=0&x=1" },
  { path: "/a{?body.b}", params: { x: 0 }, body: { b: 2 }, written: "/a?b=2&x=0" },
  { path: "/a{?body.b}", params: { x: "" }, written: "/a?x=" },
  { path: "/a", params: { x: "{body.x}" }, written: "/a" },
  { path: "/a", params: { x: "{body.x}" }, body: { x: null }, written: "/a" },
  {
    path: "/a",
    params: { x: "{body.x}" },
    body: { x: [1, "b", null, true] },
    written: "/a?x=1&x=b&x=true",
  },
  { path: "/a", params: { x: [], y: 1 }, written: "/a?y=1" },
  { path: "/a", params: { "a b&": "c d&=#?" }, written: "/a?a%20b%26=c%20d%26%3D%23%3F" },
];

for (const { path, params, body, written } of PARAMS) {
  Deno.test(`params ${JSON.stringify(params)} after ${path} make ${written}`, () => {
    assertEquals(expand({ path, params }, {}, body).path, written);
  });
}

Deno.test("a parameter that is an object, or no Unicode, is refused", () => {
  const params = { x: "{body.x}" };
  for (
    const [x, rule] of [
      [{ a: 1 }, "must be a string, a number or a boolean"],
      [[{ a: 1 }], "must be a string, a number or a boolean"],
      [[1, [2]], "must be a string, a number or a boolean"],
      ["\ud83d", "must be valid Unicode"],
    ]
  ) {
    const error = assertThrows(() => expand({ params }, {}, { x }), GatewayError);
    assertEquals([error.kind, error.message], ["bad-request", `body.x: ${rule}`]);
  }
});

property("a client's value never becomes another parameter", 1000, (random) => {
  const [a, b] = [nastyText(random).toWellFormed(), nastyText(random).toWellFormed()];
  const { path } = expand({ path: "/p", params: { a: "{body.a}", b: "<{body.b}>" } }, {}, { a, b });
  const url = new URL(`http://upstream${path}`);
  assertEquals([url.pathname, url.hash], ["/p", ""]);
  assertEquals([...url.searchParams], [["a", a], ["b", `<${b}>`]]);
});

// Headers.

Deno.test("of the client's headers only accept-language goes on; the transport adds its trace", () => {
  const headers = new Headers({
    "accept-language": "de",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "authorization": "Bearer secret",
    "cookie": "a=b",
    "accept": "text/html",
    "x-request-id": "7",
  });
  assertEquals([...expand({}, { headers }).headers], [
    ["accept-language", "de"],
  ]);
});

Deno.test("a part's headers win over the client's, and those over the upstream's", () => {
  const headers = new Headers({ "accept-language": "de", "traceparent": "client" });
  const ownHeaders = { "Accept-Language": "own", "x-own": "1", "x-both": "own" };
  const part = { headers: { "X-Both": "part", "traceparent": "part" }, ownHeaders };
  assertEquals(Object.fromEntries(expand(part, { headers }).headers), {
    "accept-language": "de",
    "traceparent": "part",
    "x-both": "part",
    "x-own": "1",
  });
});

Deno.test("a header without a value is not sent, nor the upstream's own in its place", () => {
  const part = { headers: { "x-a": "{header.none}" }, ownHeaders: { "x-a": "own" } };
  assertEquals([...expand(part).headers], []);
});

Deno.test("a header's value keeps its type as a text", () => {
  const part = { headers: { "x-n": "{body.n}", "x-t": "<{body.n}>" } };
  assertEquals([...expand(part, {}, { n: 7 }).headers], [["x-n", "7"], ["x-t", "<7>"]]);
});

Deno.test("a header that is a list has all its values", () => {
  const { headers } = expand(
    { headers: { "x-tags": "{body.tags}" }, ownHeaders: { "x-tags": "own" } },
    {},
    {
      tags: ["a", "b"],
    },
  );
  assertEquals(headers.get("x-tags"), "a, b");
});

for (const value of ["a\r\nx-evil: 1", "a\nb", "a\0", "é€", "😀", "a\x7f"]) {
  Deno.test(`a header cannot be ${JSON.stringify(value)}`, () => {
    const error = assertThrows(
      () => expand({ headers: { "x-a": "{body.a}" } }, {}, { a: value }),
      GatewayError,
    );
    assertEquals([error.kind, error.message], ["bad-request", "x-a: cannot be sent as a header"]);
  });
}

Deno.test("a header may hold Latin-1 and tabs", () => {
  const { headers } = expand({ headers: { "x-a": "{body.a}" } }, {}, { a: "a\tÿ~ \x80!" });
  assertEquals(headers.get("x-a"), "a\tÿ~ \x80!");
});

property("a header holds a client's value or refuses it, and adds no other", 500, (random) => {
  const a = nastyText(random);
  const part = { headers: { "x-a": "<{body.a}>" } };
  let headers: Headers;
  try {
    headers = expand(part, {}, { a }).headers;
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== "bad-request") throw error;
    return;
  }
  assertEquals([...headers], [["x-a", `<${a}>`]]);
});

// Bodies.

Deno.test("a part without a body sends no body", () => {
  const call = expand({ method: "DELETE" });
  assertEquals([call.method, call.path, "body" in call], ["DELETE", "/", false]);
  assertEquals([...call.headers], []);
});

Deno.test("a body is sent as JSON, with the types of its values", async () => {
  const body = { id: "{id}", n: "{body.n}", text: "<{body.n}>", gone: "{body.gone}", list: [1] };
  const call = expand({ method: "POST", body }, { params: { id: "7" } }, { n: 1.5 });
  assertEquals(await textOf(call), '{"id":"7","n":1.5,"text":"<1.5>","list":[1]}');
  assertEquals(call.headers.get("content-type"), "application/json");
});

Deno.test("a body that the request does not have is null", async () => {
  assertEquals(await textOf(expand({ method: "POST", body: "{body.x}" })), "null");
});

Deno.test("a body's type may be said otherwise", () => {
  const headers = { "Content-Type": "application/merge-patch+json" };
  const call = expand({ method: "PATCH", body: {}, headers });
  assertEquals(call.headers.get("content-type"), "application/merge-patch+json");
});

Deno.test("a text in a body is escaped, so that it stays a text", async () => {
  const value = '","admin":true,"x":"';
  const call = expand({ method: "POST", body: { a: "{id}" } }, { params: { id: value } });
  assertEquals(JSON.parse((await textOf(call)) ?? ""), { a: value });
});

// Parts' data.

/** A part's call once `user` has succeeded, and for an item. */
function expandLate(part: Part, user: unknown, item?: unknown, mapped: readonly string[] = []) {
  const { method = "GET", path = "/", params = {}, headers = {}, body } = part;
  const inputs = new Inputs(testCall(), undefined);
  inputs.outputs.set("user", JsonDocument.of(user)).set("other", JsonDocument.of(1));
  return expandCall({
    method,
    path: parsePathTemplate(path),
    passesQuery: parsePathTemplate(path).passesQuery,
    params: valuesOf(params),
    headers: valuesOf(headers),
    body: body === undefined ? undefined : parseValueTemplate(body),
    ownHeaders: FieldList.of({}),
    mapped,
  }, inputs.withItem(item).afterDryRun());
}

Deno.test("a call uses other parts' data wherever templates are allowed", async () => {
  const call = expandLate(
    {
      method: "POST",
      path: "/{user.id}",
      params: { tags: "{user.tags}", item: "{item}" },
      headers: { "x-id": "<{user.id}>" },
      body: { all: "{user}", item: "{item}" },
    },
    { id: 7, tags: ["a", "b&"] },
    3,
  );
  assertEquals(call.path, "/7?tags=a&tags=b%26&item=3");
  assertEquals(call.headers.get("x-id"), "<7>");
  assertEquals(JSON.parse((await textOf(call)) ?? ""), {
    all: { id: 7, tags: ["a", "b&"] },
    item: 3,
  });
});

const MISTAKES: readonly (readonly [part: Part, user: unknown, detail: string])[] = [
  [{ params: { x: "{user.x}" } }, {}, "user.x: is missing"],
  [{ params: { x: "{user.x}" } }, { x: null }, "user.x: must be a string, a number or a boolean"],
  [{ params: { x: "{user.x}" } }, { x: [null] }, "user.x: must be a string, a number or a boolean"],
  [{ params: { x: "{user.x}" } }, { x: {} }, "user.x: must be a string, a number or a boolean"],
  [{ headers: { "x-a": "{user.x}" } }, { x: "a\r\nb" }, "x-a: cannot be sent as a header"],
  [{ headers: { "x-a": "{user.x}" } }, { x: "€" }, "x-a: cannot be sent as a header"],
  [{ method: "POST", body: { a: "{user.x}" } }, {}, "user.x: is missing"],
];
for (const [part, user, detail] of MISTAKES) {
  Deno.test(`${JSON.stringify(part)} cannot be made of ${JSON.stringify(user)}`, () => {
    const error = assertThrows(() => expandLate(part, user), GatewayError);
    assertEquals([error.kind, error.status, error.message], ["input-invalid", 502, detail]);
  });
}

Deno.test("a map function receives the parts that it needs, and no others", () => {
  const user = { id: 7 };
  const bytes = (value: unknown) => JsonDocument.of(value).bytes;
  assertEquals("parts" in expandLate({}, user), false);
  assertEquals(expandLate({}, user, undefined, ["user"]).parts, { user: bytes(user) });
  const all = expandLate({ method: "POST", body: {} }, user, undefined, ["user", "other"]);
  assertEquals(all.parts, { user: bytes(user), other: bytes(1) });
});
