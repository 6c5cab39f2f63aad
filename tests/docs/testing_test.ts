import { assertEquals, assertStringIncludes } from "@std/assert";
import { readSnippets } from "../support/snippets.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("docs/testing.md: its tests pass", async () => {
  const [example] = await readSnippets("docs/testing.md");
  const file = await Deno.makeTempFile({ suffix: "_test.ts" });
  try {
    await Deno.writeTextFile(file, example?.text ?? "");
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      // No permissions: nothing leaves the process.
      args: ["test", "--no-check", "--config", new URL("deno.json", ROOT).pathname, file],
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, text);
    assertStringIncludes(text, "5 passed");
  } finally {
    await Deno.remove(file);
  }
});
