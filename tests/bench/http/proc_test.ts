import { assert, assertEquals } from "@std/assert";
import { familyOf, parseBusy, parseRss, parseStat, usageOf } from "../../../bench/http/proc.ts";

Deno.test("proc: a stat line is read behind a name with spaces and parentheses", () => {
  const line = "42 (a (b) c) S 7 42 42 0 -1 4194304 900 0 0 0 250 50 30 20 20 0 4 0 100 200 300";
  assertEquals(parseStat(line), { parent: 7, ticks: 350 });
});

Deno.test("proc: resident memory is in MB, and 0 for a process that has ended", () => {
  assertEquals(parseRss("Name:\tdeno\nVmHWM:\t 9000 kB\nVmRSS:\t  1000 kB\n"), 1.024);
  assertEquals(parseRss("Name:\tdeno\nState:\tZ (zombie)\n"), 0);
});

Deno.test("proc: a core is busy with everything but idling and waiting for disks", () => {
  const text =
    "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 1 2 4 800 900 8 16 32 0 0\ncpu1 5 0 0 0 0 0 0 0 0 0\n";
  assertEquals([parseBusy(text, 0), parseBusy(text, 1)], [63, 5]);
});

Deno.test("proc: a family is a process, its children and theirs", () => {
  const parents = new Map([[2, 1], [3, 2], [4, 3], [5, 1], [6, 9]]);
  assertEquals(familyOf(2, parents), [2, 3, 4]);
  assertEquals(familyOf(6, parents), [6]);
});

Deno.test({
  name: "proc: this process has used CPU and memory",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const { cpuSeconds, rssMb } = await usageOf(Deno.pid);
    assert(cpuSeconds > 0 && rssMb > 10, `${cpuSeconds} s, ${rssMb} MB`);
  },
});
