import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Generations } from "../../../lib/process/generations.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** Gateways whose last request ends when the test says so, and what happens to them. */
function open() {
  const told: string[] = [];
  const errors: unknown[] = [];
  const clock = new ManualClock();
  const gateways = new Generations<{ name: string; idle: () => Promise<void> }>({
    clock,
    backgroundMs: 1_000,
    onError: (error) => errors.push(error),
  });
  const drains = new Map<string, () => void>();
  const replace = (name: string, ready: Promise<unknown> = Promise.resolve()) =>
    gateways.replace(async ({ closing, background, shutdown }) => {
      closing.defer(() => {
        told.push(`close ${name}`);
      });
      shutdown.onEnd(() => {
        told.push(`end ${name}`);
        return 1;
      });
      background.run((signal) =>
        new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
      );
      await ready;
      const drained = Promise.withResolvers<void>();
      drains.set(name, drained.resolve);
      return { name, idle: () => drained.promise };
    });
  return { gateways, replace, told, errors, clock, drain: (name: string) => drains.get(name)?.() };
}

Deno.test("a gateway that was replaced ends after its last request and its background work", async () => {
  const { gateways, replace, told, clock, drain } = open();
  await replace("a");
  await replace("b");
  assertEquals([gateways.current.name, gateways.size], ["b", 2]);
  await settled();
  assertEquals(told, []);
  drain("a");
  await settled();
  assertEquals(told, [], "its background work goes on");
  await clock.advance(1_000);
  assertEquals([told, gateways.size], [["close a"], 1]);
});

Deno.test("one that does not open is closed, and the one before goes on", async () => {
  const { gateways, replace, told, clock } = open();
  await replace("a");
  const reason = new Error("no database");
  assertStrictEquals(await assertRejects(() => replace("b", Promise.reject(reason))), reason);
  await clock.advance(1_000);
  assertEquals([gateways.current.name, told, gateways.size], ["a", ["close b"], 1]);
});

Deno.test("a shutdown ends all of them, and cuts off the requests of each", async () => {
  const { gateways, replace, told } = open();
  await replace("a");
  await replace("b");
  gateways.beginShutdown(100);
  const late = assertRejects(() => replace("c"), Error, "the gateway is stopping");
  const cutOff = new AbortController();
  const closed = gateways.close(cutOff.signal);
  await settled();
  assertEquals(told, []);
  cutOff.abort();
  await Promise.all([closed, late]);
  assertEquals(told.sort(), ["close a", "close b", "close c"]);
  assertEquals(gateways.end(), 2);
});
