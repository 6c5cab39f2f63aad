import { assert, assertEquals, assertMatch } from "@std/assert";
import { HELP } from "../../../bench/simulate/options.ts";

const MAIN = new URL("../../../bench/simulate/main.ts", import.meta.url).pathname;

/** What the program says to those flags. */
async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", MAIN, ...args] });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("deno task simulate: prints a row for each scenario, and what the columns mean", async () => {
  const told = await run("--requests", "300", "--processes", "1,3", "--skew", "20");
  assertEquals([told.code, told.err], [0, ""]);
  const [head = "", first = "", second = "", empty, legend = ""] = told.out.split("\n");
  assertMatch(head, /^shape +proc\. +ms +load +of ideal +excess +needless /);
  assertMatch(first, /^hot +1 +5 +0\.8 +100\.0% +0 +0\.0% .* requests 300, skewMs 20$/);
  assertMatch(second, /^hot +3 +5 /);
  assertEquals(empty, "");
  assertMatch(legend, /^of ideal: /);
});

Deno.test("deno task simulate: exits with 1 when a limit is exceeded", async () => {
  const told = await run("--failing", "1", "--on-failure", "open", "--load", "5");
  assertEquals(told.code, 1);
  assert(told.out.startsWith("shape"));
});

Deno.test("deno task simulate: help, and one line for what is wrong", async () => {
  assertEquals(await run("--help"), { code: 0, out: `${HELP}\n`, err: "" });
  const wrong = await run("--shape", "odd");
  assertEquals([wrong.code, wrong.out], [1, ""]);
  assertMatch(wrong.err, /^--shape must be one of [^\n]+\n$/);
});
