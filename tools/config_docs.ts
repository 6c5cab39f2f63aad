import { configReference } from "./config_reference.ts";
import { configSchema } from "./config_schema.ts";
import { KeyDocs } from "./key_docs.ts";

/** Generates the files that document the config's schema, by path from the project's root. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const docs = await KeyDocs.read();
  return new Map([
    ["gateway.schema.json", await formatted(JSON.stringify(configSchema(docs)), "json")],
    ["docs/reference.md", await formatted(configReference(docs), "md")],
  ]);
}

async function formatted(text: string, extension: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", extension, "-"],
    cwd: new URL("../", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout } = await child.output();
  if (!success) throw new Error(`a generated ${extension} file cannot be formatted`);
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  for (const [path, text] of await generatedFiles()) {
    await Deno.writeTextFile(new URL(`../${path}`, import.meta.url), text);
  }
}
