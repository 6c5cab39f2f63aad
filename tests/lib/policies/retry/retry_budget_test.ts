import { assertEquals } from "@std/assert";
import { RetryBudget } from "../../../../lib/policies/retry/retry_budget.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

function play({ share = 0, minPerSecond = 0 } = {}) {
  const clock = new ManualClock();
  const budget = new RetryBudget({ share, minPerSecond, clock });
  const deposit = (calls: number) => {
    for (let call = 0; call < calls; call++) budget.deposit();
  };
  /** How many retries of so many that are wanted. */
  const withdraw = (wanted = 1000) => {
    let allowed = 0;
    while (allowed < wanted && budget.withdraw()) allowed++;
    return allowed;
  };
  return { clock, budget, deposit, withdraw };
}

Deno.test("without a share and a minimum nothing is made again", () => {
  const { deposit, withdraw } = play();
  deposit(1000);
  assertEquals(withdraw(), 0);
});

Deno.test("a share of the calls may be made again, and no part of a call", () => {
  const { deposit, withdraw } = play({ share: 0.2 });
  deposit(4);
  assertEquals(withdraw(), 0);
  deposit(1);
  assertEquals(withdraw(), 1);
  deposit(99);
  assertEquals(withdraw(), 19);
  deposit(1);
  assertEquals(withdraw(), 1);
});

Deno.test("a share of one is one retry a call", () => {
  const { deposit, withdraw } = play({ share: 1 });
  deposit(7);
  assertEquals(withdraw(), 7);
});

Deno.test("the minimum is there without any calls, in each second", async () => {
  const { clock, withdraw } = play({ minPerSecond: 3 });
  await clock.advance(950);
  assertEquals(withdraw(), 3);
  assertEquals(withdraw(), 0);
  await clock.advance(999);
  assertEquals(withdraw(), 0);
  await clock.advance(1);
  assertEquals(withdraw(), 3);
});

Deno.test("the minimum comes back one by one, each a second after it went", async () => {
  const { clock, withdraw } = play({ minPerSecond: 2 });
  assertEquals(withdraw(1), 1);
  await clock.advance(400);
  assertEquals(withdraw(), 1);
  await clock.advance(600);
  assertEquals(withdraw(), 1);
  await clock.advance(399);
  assertEquals(withdraw(), 0);
  await clock.advance(1);
  assertEquals(withdraw(), 1);
});

Deno.test("a minimum that was not used is not saved", async () => {
  const { clock, withdraw } = play({ minPerSecond: 3 });
  await clock.advance(60_000);
  assertEquals(withdraw(), 3);
});

Deno.test("the minimum comes on top of the share", () => {
  const { deposit, withdraw } = play({ share: 0.5, minPerSecond: 3 });
  deposit(10);
  assertEquals(withdraw(), 5 + 3);
});

Deno.test("what only the minimum allowed counts against the share later", () => {
  const { deposit, withdraw } = play({ share: 0.5, minPerSecond: 3 });
  assertEquals(withdraw(), 3);
  deposit(6);
  assertEquals(withdraw(), 0);
  deposit(2);
  assertEquals(withdraw(), 1);
});

Deno.test("calls count for a second, to the tenth", async () => {
  const { clock, deposit, withdraw } = play({ share: 0.5 });
  await clock.advance(50);
  deposit(10);
  await clock.advance(949);
  assertEquals(withdraw(2), 2);
  await clock.advance(1);
  assertEquals(withdraw(), 0);
});

Deno.test("retries count as long as calls do", async () => {
  const { clock, deposit, withdraw } = play({ share: 0.5 });
  await clock.advance(50);
  deposit(10);
  assertEquals(withdraw(), 5);
  await clock.advance(500);
  deposit(10);
  assertEquals(withdraw(), 5);
  await clock.advance(450);
  // The first ten calls and five retries are forgotten together.
  assertEquals(withdraw(), 0);
  deposit(2);
  assertEquals(withdraw(), 1);
});

Deno.test("a clock that jumps leaves the minimum, and what comes after counts as ever", async () => {
  const { clock, deposit, withdraw } = play({ share: 0.5, minPerSecond: 2 });
  deposit(100);
  await clock.advance(86_400_000);
  assertEquals(withdraw(), 2);
  deposit(10);
  assertEquals(withdraw(), 3);
});

Deno.test("a time without calls does not make calls count longer", async () => {
  const { clock, deposit, withdraw } = play({ share: 1 });
  deposit(5);
  await clock.advance(300);
  deposit(1);
  await clock.advance(699);
  assertEquals(withdraw(1), 1);
  await clock.advance(1);
  deposit(0);
  // Of six calls five are forgotten; the one left stands against the one retry.
  assertEquals(withdraw(), 0);
});

Deno.test("what is given back may be withdrawn again, be it of the share or of the minimum", () => {
  for (const options of [{ share: 0.5 }, { minPerSecond: 3 }, { share: 0.5, minPerSecond: 3 }]) {
    const { clock, budget, deposit, withdraw } = play(options);
    deposit(6);
    withdraw();
    budget.giveBack(clock.monotonic());
    assertEquals(withdraw(), 1);
  }
});

Deno.test("what is given back later is taken from the moment it was withdrawn", async () => {
  const { clock, budget, deposit, withdraw } = play({ share: 0.5 });
  deposit(4);
  assertEquals(withdraw(1), 1);
  await clock.advance(500);
  deposit(4);
  assertEquals(withdraw(), 3);
  budget.giveBack(0);
  assertEquals(withdraw(), 1);
  await clock.advance(500);
  // Four calls are left, and the four retries beside them.
  assertEquals(withdraw(), 0);
  deposit(6);
  assertEquals(withdraw(), 1);
});

Deno.test("of the minimum that one is given back which was withdrawn then", async () => {
  const { clock, budget, withdraw } = play({ minPerSecond: 2 });
  assertEquals(withdraw(1), 1);
  await clock.advance(500);
  assertEquals(withdraw(1), 1);
  budget.giveBack(0);
  await clock.advance(500);
  assertEquals(withdraw(), 1);
});

Deno.test("what no longer counts cannot be given back, not even as another's", async () => {
  for (const options of [{ share: 0.5 }, { minPerSecond: 3 }]) {
    const { clock, budget, deposit, withdraw } = play(options);
    deposit(6);
    assertEquals(withdraw(), 3);
    await clock.advance(1000);
    deposit(6);
    assertEquals(withdraw(), 3);
    for (let times = 0; times < 5; times++) budget.giveBack(0);
    assertEquals(withdraw(), 0);
  }
});

Deno.test("what is left is what required calls may withdraw now", async () => {
  const options = [{ share: 0.5 }, { minPerSecond: 3 }, { share: 0.5, minPerSecond: 3 }];
  for (const each of options) {
    const { clock, budget, deposit, withdraw } = play(each);
    deposit(7);
    assertEquals(withdraw(1), 1);
    await clock.advance(500);
    const left = budget.leftAt(clock.monotonic());
    assertEquals(withdraw(), left);
    assertEquals(budget.leftAt(clock.monotonic()), 0);
    await clock.advance(1_000);
    assertEquals(budget.leftAt(clock.monotonic()), each.minPerSecond ?? 0);
  }
});
