import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { ClientHashes } from "../../../lib/operator/client_hashes.ts";
import { kvOperator } from "../../../lib/operator/kv_operator.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { testGuard } from "../../support/test_guard.ts";

Deno.test("a hash is the same for the same address, and tells nothing without the key", () => {
  const [one, other] = [new ClientHashes(), new ClientHashes()];
  assertMatch(one.of("192.0.2.1"), /^[\da-f]{12}$/);
  assertEquals(one.of("192.0.2.1"), one.of("192.0.2.1"));
  assertNotEquals(one.of("192.0.2.1"), one.of("192.0.2.2"));
  assertNotEquals(one.of("192.0.2.1"), other.of("192.0.2.1"));
});

Deno.test("processes on one store agree on hashes, also when they start at once and after a rotation", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  const open = () => kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  const [one, other] = [open(), open()];
  await Promise.all([one.refresh(), other.refresh()]);
  const hash = one.clientHashes.of("192.0.2.1");
  assertEquals(other.clientHashes.of("192.0.2.1"), hash);
  const restarted = open();
  await restarted.refresh();
  assertEquals(restarted.clientHashes.of("192.0.2.1"), hash);

  await other.rotateLogKey();
  assertNotEquals(other.clientHashes.of("192.0.2.1"), hash);
  await one.refresh();
  assertEquals(one.clientHashes.of("192.0.2.1"), other.clientHashes.of("192.0.2.1"));
});

Deno.test("without a store, hashes have a key of the process, until the store can be read", async () => {
  using kv = await Deno.openKv(":memory:");
  const clock = new ManualClock();
  let isLost = true;
  const guard = testGuard({ clock });
  const call: typeof guard.call = (kind, work, ...rest) =>
    guard.call(kind, () => isLost ? Promise.reject(new Error("lost")) : work(), ...rest);
  const operator = kvOperator(kv, { clock, guard: { call }, onError: () => {} });
  await operator.refresh();
  const hash = operator.clientHashes.of("192.0.2.1");
  assertMatch(hash, /^[\da-f]{12}$/);
  isLost = false;
  await clock.advance(60_000);
  await operator.refresh();
  assertNotEquals(operator.clientHashes.of("192.0.2.1"), hash);
});
