import { assert, assertFalse } from "@std/assert";
import { Body } from "../../../../lib/core/body.ts";
import { type IdentifiedCall, sameCall } from "../../../../lib/policies/coalesce/same_call.ts";
import type { Call } from "../../../../lib/core/source.ts";
import { testCall } from "../../../support/context.ts";

const CLIENT = { address: "192.0.2.1" };

function pending(
  { call = {}, ...rest }: Partial<Omit<IdentifiedCall, "call">> & { call?: Partial<Call> },
) {
  return { scope: "s", client: CLIENT, ...rest, call: testCall(call) } satisfies IdentifiedCall;
}

/** Checks both ways round. */
function isSame(a: IdentifiedCall, b: IdentifiedCall): boolean {
  assert(sameCall(a, b) === sameCall(b, a), "it depends on who comes first");
  return sameCall(a, b);
}

Deno.test("the same call of the same client is the same", () => {
  const call = () => ({
    path: "/a?b=c",
    headers: new Headers({ accept: "text/plain" }),
    params: { id: "1" },
  });
  assert(isSame(pending({ call: call() }), pending({ call: call() })));
});

Deno.test("another scope, method or path is another call", () => {
  const one = pending({});
  assertFalse(isSame(one, pending({ scope: "t" })));
  assertFalse(isSame(one, pending({ call: { method: "HEAD" } })));
  assertFalse(isSame(one, pending({ call: { path: "/?" } })));
});

Deno.test("another header, value or number of headers is another call", () => {
  const one = pending({ call: { headers: new Headers({ a: "1", b: "2" }) } });
  const others: Record<string, string>[] = [
    {},
    { a: "1" },
    { b: "2" },
    { a: "1", b: "3" },
    { a: "1", c: "2" },
    { a: "1", b: "2", c: "3" },
  ];
  for (const other of others) {
    assertFalse(isSame(one, pending({ call: { headers: new Headers(other) } })));
  }
});

Deno.test("neither the order of headers nor the case of their names matters", () => {
  const one = new Headers([["a", "1"], ["b", "2"]]);
  const other = new Headers([["B", "2"], ["A", "1"]]);
  assert(isSame(pending({ call: { headers: one } }), pending({ call: { headers: other } })));
});

Deno.test("the case of a header's value matters", () => {
  const one = new Headers({ a: "x" });
  const other = new Headers({ a: "X" });
  assertFalse(isSame(pending({ call: { headers: one } }), pending({ call: { headers: other } })));
});

Deno.test("other captures make another call; empty ones equal absent ones", () => {
  const one = pending({ call: { params: { id: "1" } } });
  assertFalse(isSame(one, pending({})));
  assertFalse(isSame(one, pending({ call: { params: { id: "2" } } })));
  assertFalse(isSame(one, pending({ call: { params: { ID: "1" } } })));
  assertFalse(isSame(one, pending({ call: { params: { id: "1", more: "" } } })));
  assertFalse(isSame(pending({ call: { params: { toString: "1" } } }), one));
  assert(isSame(pending({ call: { params: {} } }), pending({})));
});

Deno.test("what sends a body is no other call's same", () => {
  const one = pending({ call: { body: Body.of(new Uint8Array()) } });
  assertFalse(isSame(one, pending({})));
  assertFalse(isSame(one, one));
});

Deno.test("calls made from different parts' data differ, unless the data is the same object", () => {
  const parts = { user: new Uint8Array([0x31]) };
  const one = pending({ call: { parts } });
  assertFalse(isSame(one, pending({})));
  assertFalse(isSame(one, pending({ call: { parts: { ...parts } } })));
  assert(isSame(one, pending({ call: { parts } })));
});

Deno.test("a client is its name, wherever it is", () => {
  const one = pending({ client: { address: "192.0.2.1", name: "ann" } });
  assert(isSame(one, pending({ client: { address: "192.0.2.2", name: "ann" } })));
  assertFalse(isSame(one, pending({ client: { address: "192.0.2.1", name: "bob" } })));
  assertFalse(isSame(one, pending({ client: { address: "192.0.2.1" } })));
});

Deno.test("a client without a name is its address", () => {
  assertFalse(isSame(pending({}), pending({ client: { address: "192.0.2.2" } })));
});

Deno.test("a name and an address are never the same, even when they read alike", () => {
  const named = pending({ client: { address: "192.0.2.9", name: "192.0.2.1" } });
  assertFalse(isSame(named, pending({ client: { address: "192.0.2.1" } })));
});
