import denoJson from "../../deno.json" with { type: "json" };
import type { Program } from "./child.ts";
import { benchFile, type Lab } from "./lab.ts";

/** `main.ts` with a config of its own, started by the command of `deno task start`. */
export async function sluiceProgram(
  lab: Lab,
  port: number,
  name: string,
  config: unknown,
): Promise<Program> {
  const file = `${lab.folder}/${name}.json`;
  await Deno.writeTextFile(file, JSON.stringify(config));
  const [_deno, ...args] = denoJson.tasks.start.command.split(" ");
  return {
    command: Deno.execPath(),
    args: [...args, "--config", file, "--port", String(port)],
    cwd: benchFile("../../"),
  };
}
