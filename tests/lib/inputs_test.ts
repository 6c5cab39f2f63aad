import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../lib/body.ts";
import { GatewayError } from "../../lib/errors.ts";
import { Inputs, readInputs } from "../../lib/inputs.ts";
import { parseReference } from "../../lib/reference.ts";
import type { Call } from "../../lib/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { settled } from "../support/manual_clock.ts";
import { ScriptedStream } from "../support/scripted_stream.ts";

/** The value that a name stands for. */
function get(name: string, call: Partial<Call> = {}, body?: unknown): unknown {
  const reference = parseReference(name);
  if (!reference) throw new Error(`${name} is no reference`);
  return new Inputs(testCall(call), body).get(reference);
}

Deno.test("a route parameter is its value, decoded as it came", () => {
  assertEquals(get("id", { params: { id: "a/b" } }), "a/b");
  assertEquals(get("id", { params: {} }), undefined);
  assertEquals(get("id"), undefined);
});

Deno.test("a query parameter is its first value, decoded", () => {
  const path = "/?q=a%2Fb+c&q=2&empty=&x.y=3";
  assertEquals(get("query.q", { path }), "a/b c");
  assertEquals(get("query.empty", { path }), "");
  assertEquals(get("query.x.y", { path }), "3");
  assertEquals(get("query.none", { path }), undefined);
  assertEquals(get("query.q", { path: "/q=1" }), undefined);
});

Deno.test("a question mark within the query belongs to a value", () => {
  assertEquals(get("query.q", { path: "/a?q=1?2" }), "1?2");
});

Deno.test("the query is read for each of several names", () => {
  const inputs = new Inputs(testCall({ path: "/?a=1&b=2" }), undefined);
  assertEquals(inputs.get({ from: "query", name: "a" }), "1");
  assertEquals(inputs.get({ from: "query", name: "b" }), "2");
});

Deno.test("a header is found however it is written", () => {
  const headers = new Headers({ "X-Id": "7" });
  assertEquals(get("header.x-id", { headers }), "7");
  assertEquals(get("header.X-ID", { headers }), "7");
  assertEquals(get("header.none", { headers }), undefined);
});

Deno.test("a body is followed by its own keys alone", () => {
  const body = { user: { id: 7, tags: ["a", "b"] }, none: null };
  assertEquals(get("body.user.id", {}, body), 7);
  assertEquals(get("body.user.tags.1", {}, body), "b");
  assertEquals(get("body.user.tags.length", {}, body), 2);
  assertEquals(get("body.none", {}, body), null);
  assertEquals(get("body.none.x", {}, body), undefined);
  assertEquals(get("body.user.id.x", {}, body), undefined);
  assertEquals(get("body.missing.x", {}, body), undefined);
  for (const inherited of ["constructor", "__proto__", "toString", "user.constructor"]) {
    assertEquals(get(`body.${inherited}`, {}, body), undefined);
  }
  assertEquals(get("body.length", {}, "text"), undefined);
  assertEquals(get("body.a", {}, undefined), undefined);
});

// readInputs

const encode = (text: string) => new TextEncoder().encode(text);

function post(text: string, contentType?: string): Call {
  const headers = new Headers(contentType === undefined ? {} : { "content-type": contentType });
  return testCall({ method: "POST", headers, body: Body.of(encode(text)) });
}

const A = { from: "body", path: ["a"] } as const;

for (
  const type of [
    undefined,
    "application/json",
    "application/json; charset=utf-8",
    "Application/JSON ;x",
    "application/merge-patch+json",
    "application/vnd.api.v1+json",
  ]
) {
  Deno.test(`a body of the type ${type} is read`, async () => {
    const inputs = await readInputs(post('{"a":1}', type), testContext(), 100);
    assertEquals(inputs.get(A), 1);
  });
}

for (
  const type of [
    "",
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/x-json",
    "xapplication/json",
  ]
) {
  Deno.test(`a body of the type "${type}" is refused`, async () => {
    const error = await assertRejects(
      () => readInputs(post('{"a":1}', type), testContext(), 100),
      GatewayError,
    );
    assertEquals([error.kind, error.message], [
      "bad-request",
      "the request body must be application/json",
    ]);
  });
}

Deno.test("a body that nobody refers to is not read", async () => {
  const origin = new ScriptedStream();
  const call = testCall({ body: Body.from({ stream: origin.stream }) });
  const inputs = await readInputs(call, testContext());
  assertEquals(origin.pulls, 0);
  assertEquals(inputs.get(A), undefined);
  assertStrictEquals(inputs.call, call);
});

Deno.test("a request without a body, or with an empty one, has no values in it", async () => {
  assertEquals((await readInputs(testCall(), testContext(), 100)).get(A), undefined);
  assertEquals((await readInputs(post(""), testContext(), 100)).get(A), undefined);
});

Deno.test("a body that is not JSON is the client's fault", async () => {
  for (const text of ["{", "\xff", "undefined"]) {
    const error = await assertRejects(
      () => readInputs(post(text), testContext(), 100),
      GatewayError,
    );
    assertEquals([error.kind, error.message], ["bad-request", "the request body is not JSON"]);
  }
});

Deno.test("a body above the limit is too large, one of just the limit is not", async () => {
  assertEquals((await readInputs(post('{"a":1}'), testContext(), 7)).get(A), 1);
  const error = await assertRejects(
    () => readInputs(post('{"a":1}'), testContext(), 6),
    GatewayError,
    "the request body is larger than 6 bytes",
  );
  assertEquals(error.kind, "payload-too-large");
});

Deno.test("a body that does not come is waited for no longer than the request lasts", async () => {
  const origin = new ScriptedStream();
  const request = new AbortController();
  const call = testCall({ body: Body.from({ stream: origin.stream }) });
  const reading = readInputs(call, testContext({ signal: request.signal }), 100);
  await settled();
  const late = new GatewayError("deadline-exceeded", "late");
  request.abort(late);
  assertStrictEquals(await assertRejects(() => reading), late);
});

Deno.test("a body that breaks off is a client that left", async () => {
  const origin = new ScriptedStream();
  const call = testCall({ body: Body.from({ stream: origin.stream }) });
  const reading = readInputs(call, testContext(), 100);
  await settled();
  origin.fail(new Error("connection lost"));
  const error = await assertRejects(() => reading, GatewayError);
  assertEquals(error.kind, "cancelled");
});

Deno.test("a body that is large, but within the limit, keeps all its values", async () => {
  const text = JSON.stringify({ a: 1, b: "x".repeat(5 * 2 ** 20) });
  const stream = new Blob([text]).stream();
  const call = testCall({ body: Body.from({ stream }) });
  const inputs = await readInputs(call, testContext(), 8 * 2 ** 20);
  assertEquals(inputs.get(A), 1);
});
