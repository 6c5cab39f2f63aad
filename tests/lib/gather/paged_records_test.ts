import { assertEquals } from "@std/assert";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../../lib/gather/gather_plan.ts";
import { gatherRecords } from "../../../lib/gather/gather_records.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** The records of a list that comes in pages, and of a part `x`; a test plays both. */
function play() {
  const script = new ScriptedSource();
  const part = (name: string, more: Partial<GatherPart> = {}): GatherPart => ({
    name,
    source: script.source,
    call: () => testCall({ path: `/${name}` }),
    optional: true,
    ...more,
  });
  const plan = new GatherPlan([
    part("list", { pages: { walk: { next: "/next", items: "/items" } } }),
    part("x"),
  ], { clock: new ManualClock() });
  const records = gatherRecords(plan, testCall(), testContext());
  const take = async () => {
    const { value } = await records.next();
    return value && JSON.parse(new TextDecoder().decode(value.line));
  };
  const pathsOf = () => script.asked.map(({ call }) => call.path);
  return { script, records, take, pathsOf };
}

Deno.test("a page is requested once the one before was consumed, and not earlier", async () => {
  const { script, take, pathsOf } = play();
  const first = take();
  await settled();
  script.at(0).answerJson({ items: [1], next: "/2" });
  assertEquals(await first, { part: "list", data: [1], more: true });
  await settled();
  assertEquals(pathsOf(), ["/list", "/x", "/2"]);
  script.at(2).answerJson({ items: [2], next: "/3" });
  await settled();
  assertEquals(pathsOf(), ["/list", "/x", "/2"]);
  assertEquals(await take(), { part: "list", data: [2], more: true });
  await settled();
  script.at(3).answerJson({ items: [3] });
  await settled();
  assertEquals(await take(), { part: "list", data: [3] });
  script.at(1).answerJson("x");
  assertEquals([await take(), await take(), await take()], [
    { part: "x", data: "x" },
    { complete: true },
    undefined,
  ]);
});

Deno.test("a long list does not delay the other parts", async () => {
  const { script, take } = play();
  const first = take();
  await settled();
  script.at(0).answerJson({ items: [1], next: "/2" });
  await first;
  await settled();
  script.at(2).answerJson({ items: [2], next: "/3" });
  script.at(1).answerJson("x");
  await settled();
  const told = [await take()];
  await settled();
  script.asked[3]?.answerJson({ items: [3], next: "/4" });
  await settled();
  told.push(await take());
  assertEquals(told.map(({ part }) => part).toSorted(), ["list", "x"]);
});

Deno.test("who stops early ends the walk, and what runs beside it", async () => {
  const { script, records, take } = play();
  const first = take();
  await settled();
  script.at(0).answerJson({ items: [1], next: "/2" });
  await first;
  await settled();
  assertEquals(script.inFlight, 2);
  await records.return();
  assertEquals(script.inFlight, 0);
});

Deno.test("who stops while a page waits to be taken ends the walk", async () => {
  const { script, records, take, pathsOf } = play();
  const first = take();
  await settled();
  script.at(1).answerJson("x");
  await first;
  script.at(0).answerJson({ items: [1], next: "/2" });
  await settled();
  await records.return();
  await settled();
  assertEquals([pathsOf(), script.inFlight], [["/list", "/x"], 0]);
});
