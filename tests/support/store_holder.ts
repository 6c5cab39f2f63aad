import { DenoProcess } from "./program.ts";

const HOLD = `
import { DatabaseSync } from "node:sqlite";
const db = new DatabaseSync(Deno.args[0]);
db.exec("BEGIN EXCLUSIVE");
console.log("held");
setInterval(() => {}, 1_000);
`;

/** Another process that holds a store's file to itself for as long as a test holds this. */
export async function holdStore(path: string): Promise<AsyncDisposable> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, HOLD);
  const process = new DenoProcess(["run", "--allow-all", "--no-config", script, path], {
    cwd: "/",
  });
  try {
    await process.wrote(/held/);
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return {
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      await Deno.remove(script);
    },
  };
}
