import { assertEquals } from "@std/assert";
import type { Block } from "../../../lib/operator/block.ts";
import { KvBlocks } from "../../../lib/operator/kv_blocks.ts";
import { KvChanges } from "../../../lib/operator/kv_changes.ts";

const AT = Date.UTC(2026, 0, 1);

function block(of: Block["of"], more: Partial<Block> = {}): Block {
  return { of, at: AT, until: AT + 3_600_000, ...more };
}

async function all(blocks: KvBlocks): Promise<Block[]> {
  const found: Block[] = [];
  let after: string | undefined;
  do {
    const page = await blocks.page(after);
    found.push(...page.blocks);
    after = page.next;
  } while (after !== undefined);
  return found;
}

Deno.test("a block is read as it was written, replaced by the next, and lifted once", async () => {
  using kv = await Deno.openKv(":memory:");
  const blocks = new KvBlocks(kv, new KvChanges(kv));
  await blocks.set(block("client mobile", { reason: "floods /home" }));
  await blocks.set(block("ip 203.0.113.7"));
  await blocks.set(block("ip 203.0.113.7", { until: AT + 7_200_000 }));
  assertEquals(await all(blocks), [
    block("client mobile", { reason: "floods /home" }),
    block("ip 203.0.113.7", { until: AT + 7_200_000 }),
  ]);
  assertEquals([await blocks.lift("client mobile"), await blocks.lift("client mobile")], [
    true,
    false,
  ]);
  assertEquals((await all(blocks)).map(({ of }) => of), ["ip 203.0.113.7"]);
});

Deno.test("thousands of blocks are read page by page, each once", async () => {
  using kv = await Deno.openKv(":memory:");
  const expected = Array.from({ length: 2_500 }, (_, i) => block(`ip 10.${i >> 8}.${i & 255}.1`));
  for (let start = 0; start < expected.length; start += 500) {
    const atomic = kv.atomic();
    for (const one of expected.slice(start, start + 500)) {
      atomic.set(["sluice", "ban", one.of], one);
    }
    await atomic.commit();
  }
  const found = await all(new KvBlocks(kv, new KvChanges(kv)));
  const subjects = found.map(({ of }) => of);
  assertEquals(subjects.toSorted(), expected.map(({ of }) => of).toSorted());
});

Deno.test("records that are no blocks are passed over", async () => {
  using kv = await Deno.openKv(":memory:");
  const good = block("client good");
  const foreign: unknown[] = [null, 7, "x", {}, { ...good, until: "never" }, { ...good, of: "x" }];
  for (const [index, value] of foreign.entries()) {
    await kv.set(["sluice", "ban", `client ${index}`], value);
  }
  await kv.set(["sluice", "ban", good.of], good);
  assertEquals(await all(new KvBlocks(kv, new KvChanges(kv))), [good]);
});

Deno.test("changes of one kind leave the other's mark as it was", async () => {
  using kv = await Deno.openKv(":memory:");
  const changes = new KvChanges(kv);
  assertEquals(await changes.read(), {});
  await changes.make("bans", () => {});
  const first = await changes.read();
  assertEquals(Object.keys(first), ["bans"]);
  await changes.make("clients", () => {});
  const second = await changes.read();
  assertEquals(second.bans, first.bans);
  await changes.make("clients", () => {});
  assertEquals((await changes.read()).clients === second.clients, false);
  for (const foreign of [7, null, { bans: 7, clients: [] }]) {
    await kv.set(["sluice", "operator-changed"], foreign);
    assertEquals(await changes.read(), {});
  }
});
