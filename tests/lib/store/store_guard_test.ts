import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { StoreCallKind } from "../../../lib/store/breaker.ts";
import { StoreTimeout } from "../../../lib/store/store_timeout.ts";
import { StoreUnavailable } from "../../../lib/store/store_unavailable.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { testGuard } from "../../support/test_guard.ts";

/** What a call may take (ms), and the longest pause before the first probe. */
const TIMEOUT_MS = 300;
const LONGEST_PAUSE_MS = 1_000;

/** A store that a test breaks, and the guard over it. */
function start() {
  const clock = new ManualClock();
  const lines: string[] = [];
  const store = { reads: 0, writes: 0, isFull: false, hangs: false, file: "" };
  const hanging = () => new Promise<never>(() => {});
  const guard = testGuard({
    clock,
    timeoutMs: TIMEOUT_MS,
    read: () => {
      store.reads++;
      return store.hangs ? hanging() : Promise.resolve();
    },
    write: () => {
      store.writes++;
      if (store.hangs) return hanging();
      return store.isFull ? Promise.reject(new Error("disk is full")) : Promise.resolve();
    },
    file: () => Promise.resolve(store.file || undefined),
    log: (line) => lines.push(line),
  });
  /** A call that ends when the test says. */
  const begin = (kind: StoreCallKind) => {
    const reply = Promise.withResolvers<string>();
    const result = guard.call(kind, () => reply.promise);
    result.catch(() => {});
    return { reply, result };
  };
  const refused = (kind: StoreCallKind) =>
    assertRejects(
      () => guard.call(kind, () => Promise.reject(new Error("called"))),
      StoreUnavailable,
    );
  return { clock, lines, store, guard, begin, refused };
}

Deno.test("health: a store that works is read each time, and written now and then", async () => {
  const { clock, store, guard, lines } = start();
  for (let i = 0; i < 100; i++) {
    assertEquals(await guard.check(), undefined);
    await clock.advance(100);
  }
  assertEquals([store.reads, store.writes], [100, 2]);
  assertEquals(lines, []);
});

Deno.test("health: a full disk is logged once, probed within a second, and can be read", async () => {
  const { clock, store, guard, lines, refused } = start();
  store.isFull = true;
  const trouble = { reason: "the store cannot be written", isUnreadable: false };
  for (let i = 0; i < 100; i++) {
    assertEquals(await guard.check(), trouble);
    await clock.advance(100);
  }
  assertEquals(store.writes >= 10 && store.writes <= 20, true, `${store.writes} probes in 10 s`);
  assertEquals(await guard.call("read", () => Promise.resolve("read")), "read");
  await refused("write");
  store.isFull = false;
  await clock.advance(LONGEST_PAUSE_MS);
  assertEquals(await guard.check(), undefined);
  assertEquals(lines, ["the store cannot be written: disk is full", "the store is back"]);
});

Deno.test("health: a hanging store is unreadable, and checking it again costs no time", async () => {
  const { clock, store, guard } = start();
  store.hangs = true;
  const checked = guard.check();
  await clock.advance(TIMEOUT_MS);
  const unreadable = { reason: "the store cannot be read", isUnreadable: true };
  assertEquals(await checked, unreadable);
  assertEquals(await guard.check(), unreadable);
  assertEquals([store.reads, store.writes], [1, 0]);
});

Deno.test("a store is lost and back without traffic, and its file is looked after", async () => {
  const { clock, store, guard, lines } = start();
  const stopping = new AbortController();
  const following = guard.follow(stopping.signal);
  guard.failed("write", new Error("disk is full"));
  guard.failed("write", new Error("disk is full"));
  await clock.advance(2_000);
  assertEquals([store.writes, guard.trouble], [1, undefined]);
  store.file = "the file is gone";
  await clock.advance(1_000);
  assertEquals(await guard.check(), { reason: "the file is gone", isUnreadable: false });
  store.file = "";
  await clock.advance(1_000);
  assertEquals(lines, [
    "the store cannot be written: disk is full",
    "the store is back",
    "the file is gone",
    "the store is back",
  ]);
  stopping.abort();
  await following;
});

Deno.test("a call ends at its bound, ten times as late where no client waits, and leaves no timer", async () => {
  for (const [pace, ms] of [["client", TIMEOUT_MS], ["background", 10 * TIMEOUT_MS]] as const) {
    const { clock, guard } = start();
    const late = assertRejects(
      () => guard.call("write", () => new Promise(() => {}), pace),
      StoreTimeout,
      `within ${ms} ms`,
    );
    await clock.advance(ms - 1);
    assertEquals(clock.sleeping, 1);
    await clock.advance(1);
    await late;
    assertEquals(clock.sleeping, 0);
  }
});

Deno.test("a slow call in the background opens no circuit, but makes the store be checked", async () => {
  const { clock, store, guard, begin } = start();
  guard.call("write", () => new Promise(() => {}), "background").catch(() => {});
  await clock.advance(10 * TIMEOUT_MS);
  assertEquals([store.reads, store.writes, guard.trouble], [1, 1, undefined]);
  guard.failed("write", new Error("down"));
  await clock.advance(LONGEST_PAUSE_MS);
  await assertRejects(
    () => guard.call("write", () => Promise.resolve(), "background"),
    StoreUnavailable,
  );
  begin("write").reply.resolve("a client's call is the probe");
  await settled();
  assertEquals(guard.trouble, undefined);
});

Deno.test("one call at a time probes an open circuit", async () => {
  const { clock, guard, begin, refused } = start();
  guard.failed("write", new Error("down"));
  await refused("write");
  await clock.advance(LONGEST_PAUSE_MS);
  const { reply } = begin("write");
  await refused("write");
  assertEquals(guard.admits("write"), false);
  reply.resolve("yes");
  await settled();
  assertEquals(guard.admits("write"), true);
});

Deno.test("a probe that times out after another write has closed the circuit is only a slow call", async () => {
  const { clock, guard, begin } = start();
  const storing = Promise.withResolvers<void>();
  const stored = guard.call("write", () => storing.promise, "background");
  guard.failed("write", new Error("down"));
  await clock.advance(LONGEST_PAUSE_MS);
  begin("write");
  await clock.advance(100);
  storing.resolve();
  await stored;
  await clock.advance(200);
  assertEquals(guard.trouble, undefined);
});

Deno.test("calls of a silent store stay few", async () => {
  const { clock, guard, begin } = start();
  for (let i = 0; i < 8; i++) begin("read");
  await clock.advance(TIMEOUT_MS);
  let probes = 0;
  for (let second = 0; second < 600; second++) {
    if (guard.admits("read")) {
      begin("read");
      probes++;
    }
    await clock.advance(1_000);
  }
  assertEquals(probes, 18, "the pause grows to 45 s");
});

for (const settle of ["resolve", "reject"] as const) {
  Deno.test(`a late reply brings the next probe near, also one that ${settle}s`, async () => {
    const { clock, guard, begin } = start();
    const calls = Array.from({ length: 8 }, () => begin("read"));
    await clock.advance(TIMEOUT_MS);
    for (let second = 0; second < 300; second++) {
      if (guard.admits("read")) calls.push(begin("read"));
      await clock.advance(1_000);
    }
    if (settle === "resolve") calls[3]?.reply.resolve("late");
    else calls[3]?.reply.reject(new Error("late"));
    await settled();
    await clock.advance(500);
    assertEquals(guard.admits("read"), true);
  });
}

Deno.test("a slow call among others with replies does not open the circuit", async () => {
  const { clock, guard, begin } = start();
  const slow = begin("write");
  await clock.advance(100);
  await guard.call("write", () => Promise.resolve());
  await clock.advance(200);
  await assertRejects(() => slow.result, StoreTimeout);
  assertEquals(guard.trouble, undefined);
});

Deno.test("contention does not open the circuit; a file that stays locked does", async () => {
  const { guard } = start();
  const locked = () =>
    assertRejects(() =>
      guard.call("write", () => Promise.reject(new TypeError("database is locked")))
    );
  await locked();
  await guard.call("write", () => Promise.resolve({ ok: false }));
  await locked();
  assertEquals(guard.trouble, undefined);
  await locked();
  assertEquals(guard.trouble?.reason, "the store cannot be written");
});

Deno.test("a call that is wrong itself says nothing of the store", async () => {
  const { clock, guard } = start();
  const wrong = async () => {
    for (const error of [new TypeError("Key too large"), new GatewayError("not-found", "none")]) {
      const made = () => guard.call("write", () => Promise.reject(error));
      assertEquals(await assertRejects(made), error);
    }
  };
  await wrong();
  assertEquals(guard.trouble, undefined);
  guard.failed("write", new Error("down"));
  await clock.advance(LONGEST_PAUSE_MS);
  await wrong();
  assertEquals([guard.trouble?.isUnreadable, guard.admits("write")], [false, true]);
});
