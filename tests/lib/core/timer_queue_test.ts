import { assertEquals } from "@std/assert";
import { type Timer, TimerQueue } from "../../../lib/core/timer_queue.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { property } from "../../support/random.ts";

function play(ms = 100, lingers = false) {
  const clock = new ManualClock();
  const queue = new TimerQueue(ms, clock, lingers);
  const rung: string[] = [];
  /** Sets a timer that tells its name and the time when it rings. */
  const set = (name: string, more: () => void = () => {}): Timer =>
    queue.set(() => {
      rung.push(`${name} ${clock.monotonic()}`);
      more();
    });
  return { clock, queue, rung, set };
}

Deno.test("a timer rings once, when its time has come", async () => {
  const { clock, rung, set } = play();
  await clock.advance(7);
  assertEquals(set("a").due, 107);
  await clock.advance(99);
  assertEquals(rung, []);
  await clock.advance(1000);
  assertEquals(rung, ["a 107"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a timer rings also where the monotonic clock stands still", async () => {
  const clock = new ManualClock();
  const still = { wall: () => 0, monotonic: () => 7, sleep: clock.sleep.bind(clock) };
  let rung = 0;
  new TimerQueue(100, still).set(() => rung++);
  await clock.advance(100);
  assertEquals([rung, clock.sleeping], [1, 0]);
});

Deno.test("timers ring in the order in which they were set, each at its own time", async () => {
  const { clock, rung, set } = play();
  for (const name of ["a", "b", "c"]) {
    set(name);
    await clock.advance(30);
  }
  set("d");
  set("e");
  await clock.advance(1000);
  assertEquals(rung, ["a 100", "b 130", "c 160", "d 190", "e 190"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("all ring by a common moment, each at its own time before it, also those set later", async () => {
  const { clock, queue, rung, set } = play();
  set("a");
  await clock.advance(30);
  set("b");
  await clock.advance(30);
  queue.ringAllBy(110);
  assertEquals(clock.sleeping, 1);
  assertEquals(set("c").due, 110);
  await clock.advance(60);
  assertEquals(rung, ["a 100", "b 110", "c 110"]);
  set("d");
  await clock.advance(0);
  assertEquals(rung.slice(3), ["d 120"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a common moment that comes before any is due lets all ring then", async () => {
  const { clock, queue, rung, set } = play();
  set("a");
  queue.ringAllBy(20);
  await clock.advance(1000);
  assertEquals(rung, ["a 20"]);
});

Deno.test("one sleep serves many, and none while nothing is set", async () => {
  const { clock, queue, rung, set } = play();
  assertEquals(clock.sleeping, 0);
  const timers = Array.from({ length: 50 }, (_, index) => set(String(index)));
  await clock.advance(10);
  timers.push(...Array.from({ length: 50 }, (_, index) => set(String(index))));
  assertEquals(clock.sleeping, 1);
  for (const timer of timers.slice(1)) queue.stop(timer);
  assertEquals(clock.sleeping, 1);
  for (const timer of timers) queue.stop(timer);
  await settled();
  assertEquals(clock.sleeping, 0);
  await clock.advance(1000);
  assertEquals(rung, []);
});

Deno.test("a timer that was stopped does not ring, wherever it stood", async () => {
  for (const [place, left] of [[0, "bc"], [1, "ac"], [2, "ab"]] as const) {
    const { clock, queue, rung, set } = play();
    const timers = ["a", "b", "c"].map((name) => set(name));
    for (const timer of timers.slice(place, place + 1)) queue.stop(timer);
    await clock.advance(100);
    assertEquals(rung, [...left].map((name) => `${name} 100`));
    assertEquals(clock.sleeping, 0);
  }
});

Deno.test("when the first is stopped, the next still rings at its time", async () => {
  const { clock, queue, rung, set } = play();
  const first = set("a");
  await clock.advance(60);
  set("b");
  queue.stop(first);
  await clock.advance(40);
  assertEquals([rung, clock.sleeping], [[], 1]);
  await clock.advance(60);
  assertEquals([rung, clock.sleeping], [["b 160"], 0]);
});

Deno.test("a timer may be stopped after it rang, and twice, and takes no other with it", async () => {
  const { clock, queue, rung, set } = play();
  const first = set("a");
  await clock.advance(60);
  const second = set("b");
  const third = set("c");
  await clock.advance(40);
  queue.stop(first);
  queue.stop(second);
  queue.stop(second);
  assertEquals(clock.sleeping, 1);
  await clock.advance(60);
  queue.stop(third);
  assertEquals([rung, clock.sleeping], [["a 100", "c 160"], 0]);
});

Deno.test("a queue that was empty serves again", async () => {
  const { clock, queue, rung, set } = play();
  queue.stop(set("a"));
  await clock.advance(50);
  set("b");
  assertEquals(clock.sleeping, 1);
  await clock.advance(100);
  set("c");
  await clock.advance(100);
  assertEquals([rung, clock.sleeping], [["b 150", "c 250"], 0]);
});

Deno.test("a queue that lingers sleeps on until the turn ends", async () => {
  const { clock, queue, rung, set } = play(100, true);
  queue.stop(set("a"));
  assertEquals(clock.sleeping, 1);
  const second = set("b");
  assertEquals(clock.sleeping, 1);
  queue.stop(second);
  await settled();
  assertEquals(clock.sleeping, 0);
  queue.stop(set("c"));
  set("d");
  await settled();
  assertEquals(clock.sleeping, 1);
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["d 100"], 0]);
});

Deno.test("a common moment counts for what is set while a queue lingers", async () => {
  const { clock, queue, rung, set } = play(100, true);
  queue.stop(set("a"));
  queue.ringAllBy(20);
  assertEquals(set("b").due, 20);
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["b 20"], 0]);
});

Deno.test("a sleep that ends just as its timer is stopped does not fire it", async () => {
  const { clock, queue, rung, set } = play();
  clock.sleep(100).then(() => {
    queue.stop(timer);
    set("b");
  });
  const timer = set("a");
  await clock.advance(150);
  assertEquals(clock.sleeping, 1);
  await clock.advance(100);
  assertEquals([rung, clock.sleeping], [["b 200"], 0]);
});

Deno.test("a sleep that is over when its timer is stopped does not serve the next one", async () => {
  const sleeps: (() => void)[] = [];
  const rung: string[] = [];
  const queue = new TimerQueue(100, {
    wall: () => 0,
    monotonic: () => 0,
    sleep: () => new Promise((resolve) => sleeps.push(resolve)),
  });
  const first = queue.set(() => rung.push("a"));
  sleeps[0]?.();
  queue.stop(first);
  queue.set(() => rung.push("b"));
  assertEquals(sleeps.length, 2);
  await settled();
  assertEquals([sleeps.length, rung], [2, []]);
});

Deno.test("a ring that stops others keeps them from ringing", async () => {
  const { clock, queue, rung, set } = play();
  set("a", () => others.forEach((timer) => queue.stop(timer)));
  const others = [set("b"), set("c")];
  await clock.advance(50);
  const later = set("d");
  others.push(later);
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["a 100"], 0]);
});

Deno.test("a ring that sets a timer again and again is served each time", async () => {
  const { clock, rung, set } = play();
  let left = 3;
  const again = () => {
    if (left-- > 0) set("a", again);
  };
  again();
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["a 100", "a 200", "a 300"], 0]);
});

Deno.test("a ring that sets a timer makes none late that was set before", async () => {
  const { clock, rung, set } = play();
  set("a", () => set("c"));
  await clock.advance(30);
  set("b");
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["a 100", "b 130", "c 200"], 0]);
});

Deno.test("a ring that sets a timer and stops it makes none late that was set before", async () => {
  const { clock, queue, rung, set } = play();
  set("a", () => queue.stop(set("c")));
  await clock.advance(30);
  set("b");
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["a 100", "b 130"], 0]);
});

Deno.test("a ring that stops all and sets another leaves that one alone", async () => {
  const { clock, queue, rung, set } = play();
  set("a", () => {
    queue.stop(second);
    set("c");
  });
  await clock.advance(30);
  const second = set("b");
  await clock.advance(90);
  assertEquals(clock.sleeping, 1);
  await clock.advance(1000);
  assertEquals([rung, clock.sleeping], [["a 100", "c 200"], 0]);
});

Deno.test("a timer that runs since a moment ago rings as much earlier", async () => {
  const { clock, queue, rung } = play();
  await clock.advance(50);
  assertEquals(queue.set(() => rung.push(`a ${clock.monotonic()}`), 40).due, 140);
  await clock.advance(1000);
  assertEquals(rung, ["a 140"]);
});

Deno.test("a timer whose time is over when it is set rings all the same, but not within set", async () => {
  const { clock, queue, rung } = play();
  await clock.advance(500);
  queue.set(() => rung.push("a"), 100);
  assertEquals(rung, []);
  await clock.advance(0);
  assertEquals([rung, clock.sleeping], [["a"], 0]);
});

Deno.test("a clock that jumps rings all whose time is over, in their order", async () => {
  const { clock, rung, set } = play();
  // The clock has moved on before any sleeper wakes, as after a machine has slept.
  const jumping = new TimerQueue(100, {
    wall: () => clock.wall(),
    monotonic: () => clock.monotonic() + (clock.monotonic() >= 100 ? 10_000 : 0),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  });
  for (const name of ["x", "y"]) {
    jumping.set(() => rung.push(`${name} ${clock.monotonic()}`));
    await clock.advance(40);
  }
  set("a");
  await clock.advance(20);
  assertEquals(rung, ["x 100", "y 100"]);
  await clock.advance(1000);
  assertEquals(clock.sleeping, 0);
});

property("timers ring as in a plain model, with one sleep at most", 300, async (random) => {
  const ms = random.pick([0, 1, 10, 100]);
  const clock = new ManualClock();
  const queue = new TimerQueue(ms, clock, random.bool());
  const rung: string[] = [];
  const faults: string[] = [];
  interface Plain {
    readonly id: number;
    readonly due: number;
    state: "set" | "stopped" | "rung";
    timer?: Timer;
  }
  const all: Plain[] = [];
  const set = (depth: number): void => {
    const plain: Plain = { id: all.length, due: clock.monotonic() + ms, state: "set" };
    all.push(plain);
    const stops = random.bool(0.2);
    const sets = depth < 3 && random.bool(0.2);
    plain.timer = queue.set(() => {
      if (plain.state !== "set") faults.push(`timer ${plain.id} rings, and was ${plain.state}`);
      if (plain.due !== clock.monotonic()) faults.push(`timer ${plain.id} rings late`);
      plain.state = "rung";
      rung.push(`${plain.due} ${plain.id}`);
      if (stops) stop();
      if (sets) set(depth + 1);
    });
    assertEquals(plain.timer.due, plain.due);
  };
  const stop = (): void => {
    const plain = random.pick(all);
    if (plain.timer) queue.stop(plain.timer);
    if (plain.state === "set") plain.state = "stopped";
  };
  const check = () => {
    assertEquals(faults, []);
    for (const { id, due, state } of all) {
      if (state === "set" && due < clock.monotonic()) throw new Error(`timer ${id} is late`);
    }
    const isAnySet = all.some(({ state }) => state === "set");
    assertEquals(clock.sleeping, isAnySet ? 1 : 0);
  };
  for (let step = 0; step < 60; step++) {
    const act = random.int(0, 9);
    if (act < 4) set(0);
    else if (act < 6 && all.length > 0) stop();
    else await clock.advance(random.int(0, ms + 5));
    await settled();
    check();
  }
  await clock.advance(4 * ms + 1);
  check();
  assertEquals(all.filter(({ state }) => state === "set").length, 0);
  const order = rung.map((entry) => Number(entry.split(" ")[1]));
  assertEquals(order, order.toSorted((a, b) => a - b));
});
