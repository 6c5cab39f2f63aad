import { assertEquals } from "@std/assert";
import { GatedUpstream } from "../../../bench/http/allocation/gated_upstream.ts";
import { jsonOfBytes } from "../../../bench/parts.ts";
import { until } from "../../support/program.ts";

Deno.test("gated upstream: a call waits while the gate is closed", async () => {
  const document = jsonOfBytes("part", 1024);
  await using upstream = new GatedUpstream(document);
  const get = async () => await (await fetch(`http://127.0.0.1:${upstream.port}/a`)).bytes();
  assertEquals(await get(), document);
  upstream.close();
  const held = [get(), get()];
  await until(() => upstream.waiting === 2, "both calls wait");
  upstream.open();
  assertEquals(await Promise.all(held), [document, document]);
  assertEquals([await get(), upstream.waiting], [document, 0]);
});

Deno.test("bench documents have their size, and are JSON", () => {
  for (const kilobytes of [1, 10, 100]) {
    const bytes = jsonOfBytes("p0", kilobytes * 1024);
    assertEquals(bytes.length, kilobytes * 1024);
    assertEquals(JSON.parse(new TextDecoder().decode(bytes)).name, "p0");
  }
});
