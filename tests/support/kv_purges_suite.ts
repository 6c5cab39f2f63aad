import { assertEquals } from "@std/assert";
import type { Purge } from "../../lib/cache/purges.ts";
import { KvPurges } from "../../lib/cache/kv_purges.ts";

const KEEP_MS = 60_000;
const NOW = Date.UTC(2026, 0, 1);

export const hard = (of: Purge["of"], at = NOW): Purge => ({ of, isSoft: false, at });
export const soft = (of: Purge["of"], at = NOW): Purge => ({ of, isSoft: true, at });

/** What a reader says of purges, in an order of their own. */
export async function read(purges: KvPurges): Promise<Purge[]> {
  return sorted(await purges.readNew());
}

function sorted(purges: readonly Purge[]): Purge[] {
  return purges.toSorted((a, b) => a.at - b.at || a.of.localeCompare(b.of));
}

/** What purges in any Deno KV must do, as tests. Each opens a KV of its own, which is empty. */
export function testKvBans(
  name: string,
  open: () => Promise<Deno.Kv & (Disposable | AsyncDisposable)>,
): void {
  const test = (statement: string, body: (kv: Deno.Kv) => Promise<void>) =>
    Deno.test(`${name}: ${statement}`, async () => {
      await using kv = await open();
      await body(kv);
    });

  test("a store without purges has none", async (kv) => {
    const purges = new KvPurges(kv);
    assertEquals(await read(purges), []);
    assertEquals(await read(purges), []);
  });

  test("purges come back as they were, hard and soft, of all, of addresses and of tags", async (kv) => {
    const added = sorted([hard("all"), soft("url:up /a?b=ä"), hard("tag:a b"), soft("tag:")]);
    await new KvPurges(kv).add(added, KEEP_MS);
    assertEquals(await read(new KvPurges(kv)), added);
  });

  test("every process hears of the purges of all the others, and of its own", async (kv) => {
    const processes = ["a", "b", "c"].map((name) => ({ name, purges: new KvPurges(kv) }));
    for (const { name, purges } of processes) await purges.add([hard(`tag:${name}`)], KEEP_MS);
    const all = ["a", "b", "c"].map((name) => hard(`tag:${name}`));
    for (const { purges } of processes) assertEquals(await read(purges), all);
    for (const { purges } of processes) assertEquals(await read(purges), []);
  });

  test("a hard and a soft purge of the same moment and subject are two", async (kv) => {
    const purges = new KvPurges(kv);
    await purges.add([hard("tag:a")], KEEP_MS);
    await purges.add([soft("tag:a")], KEEP_MS);
    const heard = await purges.readNew();
    assertEquals(heard.map(({ isSoft }) => isSoft).toSorted(), [false, true]);
  });

  test("a purge is heard whatever the clocks of those who add purges say", async (kv) => {
    const [ahead, behind, reader] = [new KvPurges(kv), new KvPurges(kv), new KvPurges(kv)];
    await ahead.add([hard("tag:ahead", NOW + 3_600_000)], KEEP_MS);
    await reader.readNew();
    await behind.add([hard("tag:behind", NOW - 3_600_000)], KEEP_MS);
    assertEquals(await read(reader), [hard("tag:behind", NOW - 3_600_000)]);
  });

  test("what was read is not read again", async (kv) => {
    const [writer, reader] = [new KvPurges(kv), new KvPurges(kv)];
    for (let time = 0; time < 20; time++) await writer.add([hard("all", NOW + time)], KEEP_MS);
    assertEquals((await reader.readNew()).length, 20);
    await writer.add([hard("all", NOW + 20)], KEEP_MS);
    assertEquals(await read(reader), [hard("all", NOW + 20)]);
  });
}
