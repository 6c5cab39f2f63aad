import { assert, assertEquals, assertRejects } from "@std/assert";
import { keyHash } from "../../../lib/operator/client_directory.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Block } from "../../../lib/operator/block.ts";
import { kvOperator } from "../../../lib/operator/kv_operator.ts";
import type { Operator } from "../../../lib/operator/operator.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { testGuard } from "../../support/test_guard.ts";
import { until } from "../../support/program.ts";

/** How soon a change is to be felt everywhere (ms). */
const FELT_MS = 1_000;

/** Two processes with one store, which can be lost or stall. */
async function start() {
  const kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const lines: string[] = [];
  const it = { state: "well" as "well" | "lost" | "stalled", reads: 0 };
  const readings = new Set<Promise<unknown>>();
  const get = kv.get.bind(kv);
  kv.get = <T>(key: Deno.KvKey, options?: Parameters<Deno.Kv["get"]>[1]) => {
    it.reads++;
    if (it.state === "lost") return Promise.reject(new Error("the store is lost"));
    if (it.state === "stalled") return new Promise(() => {});
    const reading = get<T>(key, options);
    readings.add(reading);
    return reading.finally(() => readings.delete(reading));
  };
  const stop = new AbortController();
  const operators: Operator[] = [];
  for (let i = 0; i < 2; i++) {
    const operator = kvOperator(kv, {
      clock,
      guard: testGuard({ clock, log: (line) => lines.push(line) }),
      onError: (error) => errors.push(error),
    });
    operator.follow(stop.signal);
    operators.push(operator);
  }
  const [here, there] = operators;
  assert(here && there);
  /** Moves on, and lets the store answer. */
  const later = async (ms: number) => {
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(Math.min(100, left));
      // The store is a real one: it has its time, however busy the machine is.
      await Promise.all(readings);
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return {
    clock,
    errors,
    lines,
    it,
    here,
    there,
    later,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await later(100);
      kv.close();
    },
  };
}

function banOf(clock: ManualClock, of: Block["of"], ms: number): Block {
  return { of, at: clock.wall(), until: clock.wall() + ms };
}

const ALICE = { name: "alice", tier: undefined };

Deno.test("a block is felt here at once, elsewhere within a second, and ends by itself", async () => {
  await using pair = await start();
  const { clock, here, there, later } = pair;
  await here.block(banOf(clock, "client mobile", 5_000));
  const isBlocked = (operator: Operator) =>
    operator.blocks.of({ name: "mobile" }, clock.wall()) !== undefined;
  assertEquals([isBlocked(here), isBlocked(there)], [true, false]);
  await later(FELT_MS);
  await until(() => isBlocked(there), "it is felt elsewhere");
  assertEquals(await there.lift("client mobile"), true);
  assertEquals([isBlocked(here), isBlocked(there)], [true, false]);
  await later(FELT_MS);
  await until(() => !isBlocked(here), "its end is felt elsewhere");
});

Deno.test("a client's new tier, and its end, are felt elsewhere within a second", async () => {
  await using pair = await start();
  const { here, there, later } = pair;
  const tierThere = async () => await there.clients.find("key");
  await here.changeClients((clients) => clients.create(ALICE, keyHash("key"), 1));
  assertEquals(await tierThere(), ALICE);
  await here.changeClients((clients) => clients.setTier("alice", "pro"));
  await later(FELT_MS);
  assertEquals(await tierThere(), { ...ALICE, tier: "pro" });
  await here.changeClients((clients) => clients.revoke("alice"));
  await later(FELT_MS);
  assertEquals(await tierThere(), undefined);
});

Deno.test("looking costs one read, however much there is, as long as nothing changes", async () => {
  await using pair = await start();
  const { clock, it, here, later } = pair;
  for (let i = 0; i < 20; i++) await here.block(banOf(clock, `client ${i}`, 60_000));
  await later(FELT_MS);
  const before = it.reads;
  await later(8_000);
  const looks = it.reads - before;
  assert(looks >= 18 && looks <= 22, `${looks} reads of two processes in 8 s`);
});

for (const state of ["lost", "stalled"] as const) {
  Deno.test(`a store that is ${state} leaves the last known state, is reported once, and recovers`, async () => {
    await using pair = await start();
    const { clock, it, errors, lines, here, there, later } = pair;
    await here.block(banOf(clock, "client mobile", 600_000));
    await later(FELT_MS);
    await until(() => there.blocks.list(clock.wall()).length === 1, "it is felt elsewhere");
    it.state = state;
    await later(5_000);
    assertEquals([lines.length, errors.length], [2, 0], "one of each process");
    assert(there.blocks.of({ name: "mobile" }, clock.wall()));

    const lifting = here.lift("client mobile");
    const refused = assertRejects(() => lifting, GatewayError);
    await later(1_000);
    assertEquals((await refused).kind, "limiter-unavailable");

    it.state = "well";
    await later(3_000);
    assertEquals(errors.length, 1, "that nothing was lifted");
    const lifted = here.lift("client mobile");
    await later(100);
    await lifted;
    await later(FELT_MS);
    const isBlocked = () => there.blocks.of({ name: "mobile" }, clock.wall()) !== undefined;
    await until(() => !isBlocked(), "it is heard again");
  });
}
