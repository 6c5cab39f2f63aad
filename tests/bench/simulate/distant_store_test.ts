import { assert, assertEquals } from "@std/assert";
import { DistantStore } from "../../../bench/simulate/distant_store.ts";
import { DEFAULT_SCENARIO, type Scenario } from "../../../bench/simulate/scenario.ts";
import { SharedStore } from "../../../bench/simulate/shared_store.ts";
import { VirtualClock } from "../../../bench/simulate/virtual_clock.ts";
import { Random } from "../../support/random.ts";

/** A store at that distance, and what becomes of a commit. */
async function commitOver(special: Partial<Scenario>) {
  const clock = new VirtualClock();
  const shared = new SharedStore(clock, Infinity);
  const scenario = { ...DEFAULT_SCENARIO, latencyMs: 10, jitter: 0, ...special };
  const store = new DistantStore(shared, clock, new Random(1), scenario);
  let told = "nothing";
  store.commit([{ key: "key", level: { units: 1, at: 0 }, version: null, lifetimeMs: 1_000 }]).then(
    () => {
      told = `held at ${clock.monotonic()}, sent at ${store.sentAt("key")}`;
    },
    (error) => {
      told = error.message;
    },
  );
  await clock.runUntil(() => false);
  return { told, clock, store, commits: shared.commits };
}

Deno.test("distant store: there and back", async () => {
  const { told, clock, store, commits } = await commitOver({});
  assertEquals([told, commits], ["held at 20, sent at 0", 1]);
  assertEquals(store.sentAt("other"), undefined);
  await Promise.all([clock.sleep(1), clock.runUntil(() => false)]);
  assertEquals(store.sentAt("key"), undefined, "it is not answered now");
  store.commit([{ key: "other", level: { units: 1, at: 0 }, version: null, lifetimeMs: 1_000 }]);
  await clock.runUntil(() => store.sentAt("other") !== undefined);
  assertEquals(store.sentAt("key"), undefined, "another one is");
});

Deno.test("distant store: failing, hanging, losing", async () => {
  const failing = await commitOver({ failing: 1 });
  assertEquals([failing.told, failing.commits], ["the store failed", 0]);
  const hanging = await commitOver({ hanging: 1 });
  assertEquals([hanging.told, hanging.commits], ["nothing", 0]);
  const losing = await commitOver({ losing: 1 });
  assertEquals([losing.told, losing.commits], ["nothing", 1]);
});

Deno.test("distant store: every way takes another time", async () => {
  const clock = new VirtualClock();
  const scenario = { ...DEFAULT_SCENARIO, latencyMs: 10, jitter: 0.5 };
  const store = new DistantStore(
    new SharedStore(clock, Infinity),
    clock,
    new Random(1),
    scenario,
  );
  const took: number[] = [];
  for (let i = 0; i < 200; i++) store.read([]).then(() => took.push(clock.monotonic()));
  await clock.runUntil(() => false);
  assert(Math.min(...took) >= 10 && Math.max(...took) <= 30);
  assert(Math.max(...took) - Math.min(...took) > 12);
});
