import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { Inputs, readInputs } from "../../../lib/template/inputs.ts";
import { JsonDocument } from "../../../lib/json/json_document.ts";
import { parseOnlyName, parseReference } from "../../../lib/template/reference.ts";
import type { Call } from "../../../lib/core/source.ts";
import { testCall, testContext } from "../../support/context.ts";
import { settled } from "../../support/manual_clock.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const documentOf = (value: unknown) => value === undefined ? undefined : JsonDocument.of(value);

/** The value of a name. */
function get(name: string, call: Partial<Call> = {}, body?: unknown): unknown {
  const reference = parseReference(name);
  if (!reference) throw new Error(`${name} is no reference`);
  return new Inputs(testCall(call), documentOf(body)).get(reference);
}

Deno.test("a route parameter is its decoded value", () => {
  assertEquals(get("id", { params: { id: "a/b" } }), "a/b");
  assertEquals(get("id", { params: {} }), undefined);
  assertEquals(get("id"), undefined);
});

Deno.test("a query parameter is its value, decoded", () => {
  const path = "/?q=a%2Fb+c&empty=&x.y=3&filter[name]=4&a%20%22b%22=5";
  assertEquals(get("query.q", { path }), "a/b c");
  assertEquals(get("query.empty", { path }), "");
  assertEquals(get("query.x.y", { path }), "3");
  assertEquals(get("query.filter[name]", { path }), "4");
  assertEquals(get('query["a \\"b\\""]', { path }), "5");
  assertEquals(get("query.none", { path }), undefined);
  assertEquals(get("query.q", { path: "/q=1" }), undefined);
});

Deno.test("one value is not chosen out of several, which are a list where one is wanted", () => {
  const path = "/?q=1&q=2&one=3";
  assertEquals(
    faultOf(() => get("query.q", { path })),
    ["bad-request", "query.q: must be sent only once; got 2 values"],
  );
  assertEquals(get("query.q*", { path }), ["1", "2"]);
  assertEquals(get("query.one*", { path }), ["3"]);
  assertEquals(get("query.none*", { path }), []);
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
  assertEquals(get("body.user.tags.length", {}, body), undefined, "a list has items alone");
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

// Parts' data, and items.

function nameOf(name: string) {
  const found = parseOnlyName(`{${name}}`);
  if (!found) throw new Error(`${name} is no reference`);
  return found;
}

const valueOf = (inputs: Inputs, name: string) => inputs.get(nameOf(name).reference);

function faultOf(get: () => unknown): readonly [kind: string, detail: string] {
  const { kind, message } = assertThrows(get, GatewayError);
  return [kind, message];
}

/** Inputs with the data of the part `user`. */
function answered(value: unknown, call: Partial<Call> = {}): Inputs {
  const inputs = new Inputs(testCall(call), undefined);
  inputs.outputs.set("user", JsonDocument.of(value));
  return inputs.afterDryRun();
}

Deno.test("a reference follows own keys of a part's data, or takes all of it", () => {
  const value = { id: 7, tags: ["a", { b: false }], none: null };
  const inputs = answered(value);
  assertEquals(valueOf(inputs, "user"), value);
  assertEquals(valueOf(inputs, "user.tags.1.b"), false);
  assertEquals(valueOf(inputs, "user.none"), null);
  for (const name of ["user.x", "user.none.x", "user.tags.2", "user.id.x", "user.constructor"]) {
    assertEquals(faultOf(() => valueOf(inputs, name)), ["input-invalid", `${name}: is missing`]);
  }
});

Deno.test("a null response has no members, but is a response", () => {
  assertEquals(valueOf(answered(null), "user"), null);
  assertEquals(
    faultOf(() => valueOf(answered(null), "user.x")),
    ["input-invalid", "user.x: is missing"],
  );
});

Deno.test("a route parameter of that name wins over a part, but has no path into it", () => {
  const inputs = answered({ x: 1 }, { params: { user: "7" } });
  assertEquals([valueOf(inputs, "user"), valueOf(inputs, "user.x")], ["7", 1]);
});

Deno.test("names that every object has are no parameters", () => {
  const inputs = new Inputs(testCall({ params: {} }), undefined);
  for (const name of ["constructor", "toString", "__proto__"]) {
    assertEquals(valueOf(inputs, name), undefined);
  }
});

Deno.test("what is still to come is stood in for, what the client sent is not", () => {
  const call = { params: { id: ".." }, path: "/?q=1" };
  const trial = new Inputs(testCall(call), JsonDocument.of({ a: 2 })).dryRun();
  const names = ["user", "user.x.y", "item", "item.x", "id", "query.q", "body.a", "body.b"];
  assertEquals(names.map((name) => valueOf(trial, name)), [
    "x",
    "x",
    "x",
    "x",
    "..",
    "1",
    2,
    undefined,
  ]);
  assertEquals(trial.fault("no").kind, "bad-request");
});

Deno.test("the dry run of a known item uses its value", () => {
  const trial = new Inputs(testCall(), undefined).withItem({ id: 7 }).dryRun();
  assertEquals(valueOf(trial, "item.id"), 7);
  assertEquals(faultOf(() => valueOf(trial, "item.x")), ["bad-request", "item.x: is missing"]);
  const zero = new Inputs(testCall(), undefined).withItem(0).dryRun();
  assertEquals(valueOf(zero, "item"), 0);
});

Deno.test("items do not affect each other", () => {
  const inputs = answered(1);
  const [a, b] = [inputs.withItem("a"), inputs.withItem(null)];
  assertEquals([valueOf(a, "item"), valueOf(b, "item"), valueOf(a, "user")], ["a", null, 1]);
  assertEquals(faultOf(() => valueOf(inputs, "item")), ["input-invalid", "item: is missing"]);
  assertEquals(faultOf(() => valueOf(b, "item.x")), ["input-invalid", "item.x: is missing"]);
});

Deno.test("a part's later result is visible to all derived inputs", () => {
  const inputs = new Inputs(testCall({ path: "/?q=1" }), JsonDocument.of({ a: 2 }));
  const [late, item] = [inputs.afterDryRun(), inputs.withItem(1)];
  inputs.outputs.set("user", JsonDocument.of(7));
  for (const derived of [late, item]) {
    assertEquals(["user", "query.q", "body.a"].map((name) => valueOf(derived, name)), [7, "1", 2]);
    assertStrictEquals(derived.call, inputs.call);
  }
});

Deno.test("what is wrong is the client's until it was tried, then a part's", () => {
  const inputs = new Inputs(testCall(), undefined);
  const kinds = [inputs, inputs.dryRun(), inputs.afterDryRun(), inputs.afterDryRun().withItem(1)]
    .map((given) => [given.fault("no").kind, given.fault("no", "too-many-items").kind]);
  assertEquals(kinds, [
    ["bad-request", "bad-request"],
    ["bad-request", "bad-request"],
    ["input-invalid", "too-many-items"],
    ["input-invalid", "too-many-items"],
  ]);
});

Deno.test("a list is all values of a query parameter, or a list of JSON", () => {
  const call = testCall({ path: "/?id=7&x=1&id=8%2F&id=" });
  const inputs = new Inputs(call, JsonDocument.of({ ids: [1, null], deep: { ids: [] } }));
  inputs.outputs.set("user", JsonDocument.of({ ids: ["a"] }));
  const lists = ["query.id", "query.none", "body.ids", "body.deep.ids", "user.ids"]
    .map((name) => inputs.list(nameOf(name)));
  assertEquals(lists, [["7", "8/", ""], [], [1, null], [], ["a"]]);
});

Deno.test("a value that is not a list is named in the error", () => {
  const inputs = new Inputs(testCall(), JsonDocument.of({ text: "[1]", like: { length: 0 } }));
  inputs.outputs.set("user", JsonDocument.of({ ids: null }));
  for (const name of ["body.text", "body.like", "body.none", "user.ids", "user"]) {
    assertEquals(
      faultOf(() => inputs.list(nameOf(name))),
      ["bad-request", `${name}: must be a list`],
    );
  }
  assertEquals(
    faultOf(() => inputs.afterDryRun().list(nameOf("user.x"))),
    ["input-invalid", "user.x: is missing"],
  );
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

Deno.test("a body that no template refers to is not read", async () => {
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
  const error = await assertRejects(() => reading, GatewayError);
  assertEquals(error.kind, "request-timeout");
  assertStrictEquals(error.cause, late);
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
