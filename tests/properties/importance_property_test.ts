import { assert, assertEquals } from "@std/assert";
import { Semaphore } from "../../lib/async/semaphore.ts";
import { settled } from "../support/manual_clock.ts";
import { property } from "../support/random.ts";

/** Who waits, in the order of coming. */
interface Waiter {
  readonly name: number;
  isOptional: boolean;
  readonly leave: () => void;
}

property(
  "a queue of required and optional waiters is the one of a plain list",
  60,
  async (random) => {
    const [max, queue] = [random.int(1, 3), random.int(0, 4)];
    const semaphore = new Semaphore({ max, queue });
    /** The model: a list. */
    let waiting: Waiter[] = [];
    let running = 0;
    const expected: string[] = [];
    const seen: string[] = [];

    const release = () => {
      const next = waiting.find(({ isOptional }) => !isOptional) ?? waiting[0];
      if (next === undefined) running--;
      else {
        waiting = waiting.filter((waiter) => waiter !== next);
        expected.push(`${next.name} begins`);
      }
      semaphore.release();
    };
    const acquire = (name: number) => {
      const request = new AbortController();
      const leave = () => request.abort(new Error("left"));
      const waiter = { name, isOptional: random.int(0, 1) === 1, leave };
      const turn = semaphore.acquire(request.signal, waiter);
      if (running < max) {
        running++;
        assertEquals(turn, true);
        return;
      }
      if (waiting.length >= queue) {
        const evicted = waiter.isOptional
          ? undefined
          : waiting.findLast(({ isOptional }) => isOptional);
        if (evicted === undefined) {
          assertEquals(turn, false);
          return;
        }
        waiting = waiting.filter((other) => other !== evicted);
        expected.push(`${evicted.name} is evicted`);
      }
      waiting.push(waiter);
      assert(turn instanceof Promise);
      turn.then(
        (isAcquired) => seen.push(`${name} ${isAcquired ? "begins" : "is evicted"}`),
        () => seen.push(`${name} leaves`),
      );
    };

    for (let step = 0; step < 80; step++) {
      const action = random.int(0, 9);
      const chosen = waiting[random.int(0, Math.max(0, waiting.length - 1))];
      if (action < 5) acquire(step);
      else if (action < 8) {
        if (running > 0) release();
      } else if (chosen && action === 8) {
        waiting = waiting.filter((waiter) => waiter !== chosen);
        expected.push(`${chosen.name} leaves`);
        chosen.leave();
      } else if (chosen) chosen.isOptional = false;
      assertEquals([semaphore.running, semaphore.waiting], [running, waiting.length]);
      await settled();
      assertEquals(seen, expected);
    }
  },
);
