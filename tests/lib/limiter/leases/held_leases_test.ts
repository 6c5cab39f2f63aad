import { assertEquals } from "@std/assert";
import { HeldLeases } from "../../../../lib/limiter/leases/held_leases.ts";

const START = { wall: 1_000_000, monotonic: 5_000 };

function held(tokens: number): HeldLeases {
  const leases = new HeldLeases(1_000);
  leases.add({ tokens, grantedAt: START, resetAt: undefined }, 0, 0);
  return leases;
}

function later(wallMs: number, monotonicMs: number) {
  return { wall: START.wall + wallMs, monotonic: START.monotonic + monotonicMs };
}

for (
  const [name, wallMs, monotonicMs, isVoid] of [
    ["just before its term", 999, 999, false],
    ["at its term", 1_000, 1_000, true],
    ["at its term, while the wall clock stands still", 0, 1_000, true],
    ["at its term, while the monotonic clock stands still", 1_000, 0, true],
    ["when the wall clock was set back", -5_000, 1_000, true],
    ["when the wall clock was set back, before its term", -5_000, 999, false],
  ] as const
) {
  Deno.test(`a lease is ${isVoid ? "expired" : "valid"} ${name}`, () => {
    const leases = held(10);
    const now = later(wallMs, monotonicMs);
    assertEquals(leases.available(now), isVoid ? 0 : 10);
    assertEquals(leases.spend(1, now)?.length, isVoid ? undefined : 1);
    assertEquals(leases.takeExpired(now).length, isVoid ? 1 : 0);
  });
}

Deno.test("the oldest lease is spent first, and one charge may be spent of several", () => {
  const leases = held(3);
  const second = { tokens: 5, grantedAt: later(100, 100), resetAt: undefined };
  leases.add(second, 0, 0);
  const spent = leases.spend(4, later(200, 200)) ?? [];
  assertEquals(spent.map(({ tokens }) => tokens), [3, 1]);
  assertEquals(second.tokens, 4);
  assertEquals(leases.spend(5, later(200, 200)), undefined);
  assertEquals(second.tokens, 4, "a charge that is not paid takes nothing");
});

Deno.test("spent tokens return to their lease while it is valid, and to no other", () => {
  const leases = held(3);
  const [spent] = leases.spend(2, later(10, 10)) ?? [];
  if (!spent) throw new Error("nothing was spent");
  assertEquals(leases.unspend(spent, later(20, 20)), true);
  assertEquals(leases.available(later(20, 20)), 3);
  assertEquals(leases.unspend(spent, later(1_000, 1_000)), false);
});

Deno.test("leases are renewed when few tokens are left, when little time is, or not at all", () => {
  const leases = new HeldLeases(1_000);
  leases.add({ tokens: 10, grantedAt: START, resetAt: undefined }, 4, 300);
  assertEquals(leases.isLow(later(699, 699)), false);
  assertEquals(leases.isLow(later(700, 700)), true);
  leases.spend(6, later(0, 0));
  assertEquals(leases.isLow(later(0, 0)), true);
  leases.stopRenewing();
  assertEquals(leases.isLow(later(900, 900)), false);
});

for (const take of ["takeAll", "takeExpired"] as const) {
  Deno.test(`what ${take} took out is not there again when spent tokens are returned`, () => {
    const leases = held(10);
    const [spent] = leases.spend(4, START) ?? [];
    const end = later(leases.termMs, leases.termMs);
    assertEquals(leases[take](end).map(({ tokens }) => tokens), [6]);
    if (spent) leases.unspend(spent, START);
    assertEquals(leases.available(START), 4);
  });
}
