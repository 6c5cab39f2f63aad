import { systemClock as clock } from "../lib/core/clock.ts";
import { testGuard } from "../tests/support/test_guard.ts";

/** What the store's guard adds to a call that succeeds: one at a time, and 100 at once. */
const guard = testGuard({ clock, random: Math.random });
const call = () => Promise.resolve();
const together = (make: () => Promise<void>) => Promise.all(Array.from({ length: 100 }, make));

Deno.bench("a call", { group: "one", baseline: true }, async () => {
  await call();
});

Deno.bench("a guarded call", { group: "one" }, async () => {
  await guard.call("write", call);
});

Deno.bench("100 calls", { group: "many", baseline: true }, async () => {
  await together(call);
});

Deno.bench("100 guarded calls", { group: "many" }, async () => {
  await together(() => guard.call("write", call));
});
