import type { Program } from "./child.ts";
import { benchFile, type Lab } from "./lab.ts";

/** `main.ts` with a config of its own, as `deno task start` runs it. */
export async function sluiceProgram(
  lab: Lab,
  port: number,
  name: string,
  config: unknown,
): Promise<Program> {
  const file = `${lab.folder}/${name}.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const permissions = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"];
  return {
    command: Deno.execPath(),
    args: ["run", ...permissions, "main.ts", "--config", file, "--port", String(port)],
    cwd: benchFile("../../"),
  };
}
