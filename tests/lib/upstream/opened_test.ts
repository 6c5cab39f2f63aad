import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { assertSpyCalls, spy } from "@std/testing/mock";
import { GatewayError } from "../../../lib/core/errors.ts";
import { type Lifetime, Opened } from "../../../lib/upstream/opened.ts";
import { settled } from "../../support/manual_clock.ts";

/** An opening that the test ends, one way or the other, and what is told of it. */
function scripted<T>(close?: Lifetime<T>["close"]) {
  const openings: PromiseWithResolvers<T>[] = [];
  const errors: unknown[] = [];
  const open = () => {
    const opening = Promise.withResolvers<T>();
    openings.push(opening);
    return opening.promise;
  };
  const opened = new Opened<T>({ open, close }, (error) => errors.push(error));
  return { opened, openings, errors };
}

Deno.test("nothing is opened before the first use, and nothing closed that never was", async () => {
  const [open, close] = [spy(() => 1), spy(() => {})];
  const opened = new Opened({ open, close }, () => {});
  await opened.close();
  assertSpyCalls(open, 0);
  assertSpyCalls(close, 0);
});

Deno.test("all that come first share one opening, and what comes later has what it opened", async () => {
  const { opened, openings } = scripted<object>();
  const first = [opened.get(), opened.get(), opened.get()];
  await settled();
  assertEquals(openings.length, 1);
  const pool = {};
  openings[0]?.resolve(pool);
  for (const it of [...await Promise.all(first), await opened.get()]) assertStrictEquals(it, pool);
  assertEquals(openings.length, 1);
});

const REASON = new Error("connect ECONNREFUSED 10.0.0.5:5432");

const FAILURES: Readonly<Record<string, () => never | Promise<never>>> = {
  "throws": () => {
    throw REASON;
  },
  "rejects": () => Promise.reject(REASON),
};

for (const [does, open] of Object.entries(FAILURES)) {
  Deno.test(`an opening that ${does} fails all that wait, is told once, and tried again`, async () => {
    const errors: unknown[] = [];
    const opening = spy(open);
    const opened = new Opened({ open: opening }, (error) => errors.push(error));
    for (let time = 1; time <= 2; time++) {
      const waiting = [opened.get(), opened.get()];
      for (const wait of waiting) {
        const error = await assertRejects(() => wait, GatewayError);
        assertEquals(error.kind, "upstream-unreachable");
        assertStrictEquals(error.cause, REASON);
        assertEquals(error.message.includes("10.0.0.5"), false);
      }
      assertSpyCalls(opening, time);
      assertEquals(errors.length, time);
    }
  });
}

Deno.test("what fails to open first, and then opens, is open", async () => {
  const { opened, openings } = scripted<number>();
  const failing = opened.get();
  openings[0]?.reject(REASON);
  await assertRejects(() => failing, GatewayError);
  const working = opened.get();
  openings[1]?.resolve(7);
  assertEquals([await working, await opened.get(), openings.length], [7, 7, 2]);
});

Deno.test("what is being opened is closed when it is open", async () => {
  const close = spy((_it: number) => {});
  const { opened, openings } = scripted<number>(close);
  const waiting = opened.get();
  const closed = opened.close();
  await settled();
  assertSpyCalls(close, 0);
  openings[0]?.resolve(7);
  await closed;
  assertEquals(await waiting, 7);
  assertEquals(close.calls.map(({ args }) => args), [[7]]);
});

Deno.test("an opening that fails at the end leaves nothing to close", async () => {
  const close = spy((_it: number) => {});
  const { opened, openings } = scripted<number>(close);
  const waiting = opened.get();
  const closed = opened.close();
  openings[0]?.reject(REASON);
  await closed;
  await assertRejects(() => waiting, GatewayError);
  assertSpyCalls(close, 0);
});

Deno.test("what is open is closed once, also when it fails", async () => {
  const close = spy(() => Promise.reject(REASON));
  const opened = new Opened({ open: () => 1, close }, () => {});
  await opened.get();
  assertStrictEquals(await assertRejects(() => opened.close()), REASON);
  await opened.close();
  assertSpyCalls(close, 1);
});

/** What its owner may say how it ends. */
class Handle {
  readonly ends: string[] = [];
}
class SyncHandle extends Handle {
  [Symbol.dispose]() {
    this.ends.push("dispose");
  }
}
class AsyncHandle extends SyncHandle {
  async [Symbol.asyncDispose]() {
    await settled();
    this.ends.push("asyncDispose");
  }
}

const ENDS: readonly (readonly [Handle, Lifetime<Handle>["close"], string[]])[] = [
  [new Handle(), undefined, []],
  [new SyncHandle(), undefined, ["dispose"]],
  [new AsyncHandle(), undefined, ["asyncDispose"]],
  [new AsyncHandle(), (handle) => handle.ends.push("close"), ["close"]],
];

for (const [handle, close, ends] of ENDS) {
  Deno.test(`a ${handle.constructor.name} ends by ${ends.join() || "nothing"}`, async () => {
    const opened = new Opened<Handle>({ open: () => handle, close }, () => {});
    await opened.get();
    await opened.close();
    assertEquals(handle.ends, ends);
  });
}

Deno.test("what cannot be disposed of is let go", async () => {
  for (const it of [undefined, null, 5, "text", () => {}]) {
    const opened = new Opened<unknown>({ open: () => it }, () => {});
    assertStrictEquals(await opened.get(), it);
    await opened.close();
  }
});
