import { assertEquals } from "@std/assert";
import { asCompleted } from "../../../lib/async/as_completed.ts";

function gates(count: number) {
  return Array.from({ length: count }, () => Promise.withResolvers<string>());
}

Deno.test("results come in the order of completion, with limited concurrency", async () => {
  const open = gates(4);
  const begun: number[] = [];
  const all = asCompleted(4, 2, (index) => {
    begun.push(index);
    return open[index]?.promise ?? Promise.resolve("none");
  });
  const first = all.next();
  assertEquals(begun, [0, 1]);
  open[1]?.resolve("b");
  assertEquals((await first).value, [1, "b"]);
  const second = all.next();
  assertEquals(begun, [0, 1, 2]);
  open[2]?.resolve("c");
  assertEquals((await second).value, [2, "c"]);
  open[3]?.resolve("d");
  assertEquals((await all.next()).value, [3, "d"]);
  open[0]?.resolve("a");
  assertEquals((await all.next()).value, [0, "a"]);
  assertEquals(await all.next(), { done: true, value: undefined });
});

Deno.test("a consumer that stops early waits for the running tasks, and no other starts", async () => {
  const open = gates(3);
  let begun = 0;
  const all = asCompleted(3, 2, (index) => {
    begun++;
    return open[index]?.promise ?? Promise.resolve("none");
  });
  open[0]?.resolve("a");
  await all.next();
  let isOver = false;
  const over = all.return().then(() => isOver = true);
  await Promise.resolve();
  assertEquals([begun, isOver], [2, false]);
  open[1]?.resolve("b");
  await over;
  assertEquals([begun, isOver], [2, true]);
});
