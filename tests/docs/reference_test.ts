import { assert, assertEquals } from "@std/assert";
import { generatedFiles } from "../../tools/config_docs.ts";
import { schemaAccepts } from "../support/config_schema.ts";
import { readSnippets } from "../support/snippets.ts";

Deno.test("gateway.schema.json and docs/reference.md are what the config's schema says", async () => {
  for (const [path, text] of await generatedFiles()) {
    const current = await Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
    assert(current === text, `${path} is out of date: run deno task docs:config`);
  }
});

const EXAMPLES = ["gateway.config.ts", "examples/worker/gateway.config.ts"];

for (const path of EXAMPLES) {
  Deno.test(`gateway.schema.json accepts ${path}`, async () => {
    const { default: config }: { default: unknown } = await import(`../../${path}`);
    assertEquals(schemaAccepts(config), true);
  });
}

Deno.test("gateway.schema.json accepts every JSON config of the documents", async () => {
  let count = 0;
  for await (const { name } of Deno.readDir(new URL("../../docs/", import.meta.url))) {
    if (!name.endsWith(".md")) continue;
    for (const { language, text, file, line } of await readSnippets(`docs/${name}`)) {
      if (language !== "json" || !/"upstreams"[^]*"routes"/.test(text)) continue;
      assertEquals(schemaAccepts(JSON.parse(text)), true, `${file}:${line}`);
      count++;
    }
  }
  assert(count > 0, "a JSON config is shown");
});

Deno.test("gateway.schema.json refuses a key that does not exist, and accepts $schema", () => {
  const config = { $schema: "./gateway.schema.json", upstreams: {}, routes: {} };
  assertEquals(schemaAccepts(config), true);
  assertEquals(schemaAccepts({ ...config, upstrems: {} }), false);
});
