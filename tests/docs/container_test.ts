import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));

/** An instruction of a Dockerfile: its name, and what follows. */
type Instruction = readonly [name: string, rest: string];

async function instructions(file: string): Promise<Instruction[]> {
  const text = await Deno.readTextFile(new URL(file, ROOT));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    assert(name !== "", `${file}: no instruction: ${line}`);
    return [name, rest];
  });
}

for (const file of ["Dockerfile", "examples/starter/Dockerfile"]) {
  Deno.test(`${file}: copies what is there, and runs as "start" does, by a user of its own`, async () => {
    const all = await instructions(file);
    const rest = (name: string) => all.filter(([other]) => other === name).map(([, rest]) => rest);
    assertEquals(rest("FROM"), ["denoland/deno:2.9.6"]);
    assertEquals(rest("USER"), ["deno"]);
    for (const copied of rest("COPY").flatMap((files) => files.split(" ").slice(0, -1))) {
      assert((await Deno.stat(new URL(copied, ROOT))) !== undefined);
    }
    const flags = (words: readonly string[]) =>
      words.filter((word) => /^--(?:v8|allow)/.test(word));
    const command: string[] = JSON.parse(rest("CMD")[0] ?? "");
    assertEquals(flags(command), flags(tasks.start.command.split(" ")));
    const ignored = all.findIndex(([name]) => name === "USER");
    assert(all.slice(ignored).every(([name]) => name !== "RUN"), "nothing is run as that user");
  });
}
