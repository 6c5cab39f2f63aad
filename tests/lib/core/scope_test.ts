import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { Dependent, platformSignal, Scope } from "../../../lib/core/scope.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { Random } from "../../support/random.ts";

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

Deno.test("a tree of scopes ends as a tree of AbortControllers does", () => {
  const random = new Random(11);
  for (let run = 0; run < 200; run++) {
    const root = new AbortController();
    const scopes: Scope[] = [new Scope(root.signal)];
    const controllers = [follow(root.signal)];
    const heard = { scopes: [] as number[], controllers: [] as number[] };
    for (let index = 1; index < 12; index++) {
      const parent = random.int(0, index - 1);
      const scope = new Scope(scopes[parent]);
      const controller = follow(controllers[parent]?.signal ?? root.signal);
      scopes.push(scope);
      controllers.push(controller);
      const [one, two] = [() => heard.scopes.push(index), () => heard.controllers.push(index)];
      scope.signal.addEventListener("abort", one, { once: true });
      controller.signal.addEventListener("abort", two, { once: true });
      if (random.bool(0.3)) {
        scope.signal.removeEventListener("abort", one);
        controller.signal.removeEventListener("abort", two);
      }
      if (random.bool(0.2)) {
        const reason = new Error(`${index}`);
        const which = random.int(0, index);
        scopes[which]?.cancel(reason);
        controllers[which]?.abort(reason);
      }
    }
    if (random.bool()) root.abort(new Error("root"));
    for (const [index, scope] of scopes.entries()) {
      const signal = controllers[index]?.signal;
      assertEquals(scope.aborted, signal?.aborted);
      assertStrictEquals(scope.reason, signal?.reason);
      assertStrictEquals(platformSignal(scope).aborted, signal?.aborted);
    }
    assertEquals(heard.scopes.toSorted(), heard.controllers.toSorted());
  }

  function follow(parent: AbortSignal): AbortController {
    const controller = new AbortController();
    const abort = () => controller.abort(parent.reason);
    if (parent.aborted) abort();
    else parent.addEventListener("abort", abort, { once: true });
    return controller;
  }
});

Deno.test("a scope's platform signal is real, and aborts with it for the same reason", () => {
  const scope = new Scope();
  const signal = platformSignal(scope);
  assertStrictEquals(platformSignal(scope), signal);
  assertFalse(AbortSignal.any([signal]).aborted);
  const reason = new Error("enough");
  scope.cancel(reason);
  assertStrictEquals(signal.reason, reason);
});

Deno.test("a dependent that stops to follow is not told, also while the scope aborts", () => {
  const scope = new Scope();
  const told: string[] = [];
  class Told extends Dependent {
    constructor(readonly name: string, readonly then = () => {}) {
      super();
    }
    followedAborted(): void {
      told.push(this.name);
      this.then();
    }
  }
  const [second, third] = [new Told("second"), new Told("third")];
  new Told("first", () => second.unfollow()).follow(scope);
  for (const dependent of [second, third]) dependent.follow(scope);
  third.unfollow();
  third.follow(scope);
  scope.cancel(new Error("enough"));
  assertEquals(told, ["first", "third"]);
});
