import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { Scope } from "../../../lib/core/scope.ts";
import { ManualClock } from "../../support/manual_clock.ts";

Deno.test("a scope ends with its parent, for the parent's reason", () => {
  const parent = new AbortController();
  using scope = new Scope(parent.signal);
  assertFalse(scope.signal.aborted);
  const reason = new Error("the parent ended");
  parent.abort(reason);
  assertStrictEquals(scope.signal.reason, reason);
});

Deno.test("a scope of a parent that has ended has ended too", () => {
  const reason = new Error("the parent ended");
  using scope = new Scope(AbortSignal.abort(reason));
  assertStrictEquals(scope.signal.reason, reason);
});

Deno.test("a scope may end for a reason of its own when its parent does", () => {
  const parent = new AbortController();
  const reason = new Error("the client left");
  using scope = new Scope(parent.signal, () => reason);
  parent.abort();
  assertStrictEquals(scope.signal.reason, reason);
});

Deno.test("cancelling a scope leaves its parent alone", () => {
  const parent = new AbortController();
  using scope = new Scope(parent.signal);
  const reason = new Error("enough");
  scope.cancel(reason);
  assertStrictEquals(scope.signal.reason, reason);
  assertFalse(parent.signal.aborted);
});

Deno.test("the first reason that ends a scope stays", () => {
  const parent = new AbortController();
  using scope = new Scope(parent.signal);
  const first = new Error("first");
  scope.cancel(first);
  scope.cancel(new Error("second"));
  parent.abort(new Error("third"));
  assertStrictEquals(scope.signal.reason, first);
});

Deno.test("a scope that was left no longer follows its parent, and is not aborted", () => {
  const parent = new AbortController();
  let left: Scope;
  {
    using scope = new Scope(parent.signal);
    left = scope;
  }
  parent.abort();
  assertFalse(left.signal.aborted);
});

Deno.test("a scope ends when its time is up, and not before", async () => {
  const clock = new ManualClock();
  using scope = new Scope(new AbortController().signal);
  const reason = new Error("too late");
  scope.cancelAfter(100, clock, () => reason);
  await clock.advance(99);
  assertFalse(scope.signal.aborted);
  await clock.advance(1);
  assertStrictEquals(scope.signal.reason, reason);
});

Deno.test("leaving a scope stops its timer", async () => {
  const clock = new ManualClock();
  let left: Scope;
  {
    using scope = new Scope(new AbortController().signal);
    scope.cancelAfter(100, clock, () => new Error("too late"));
    left = scope;
    assertEquals(clock.sleeping, 1);
  }
  assertEquals(clock.sleeping, 0);
  await clock.advance(200);
  assertFalse(left.signal.aborted);
});

Deno.test("a signal that lives long keeps no listener of the scopes it has seen", () => {
  const parent = new AbortController();
  let listeners = 0;
  const { signal } = parent;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  for (let calls = 0; calls < 3; calls++) {
    using _scope = new Scope(signal);
    assert(listeners === 1);
  }
  assertEquals(listeners, 0);
});
