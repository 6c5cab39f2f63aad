// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const USAGE = "usage: deno task init [FOLDER]";
const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));
const PERMISSIONS = "--allow-net --allow-env --allow-read --allow-write";

/** A mistake of the developer who ran the command, or of the folder; its message is shown to them. */
class InitError extends Error {}

/** Writes a starter config into a folder. Existing files are never overwritten. */
async function init(args: readonly string[], from: string): Promise<void> {
  const [name = ".", ...more] = args;
  if (more.length > 0 || name.startsWith("-")) throw new InitError(USAGE);
  const folder = resolve(from, name);
  const config = new URL("starter/gateway.config.ts", import.meta.url);
  const files = {
    "gateway.config.ts": await Deno.readTextFile(config),
    "deno.json": JSON.stringify({ tasks: tasksOf(folder) }, null, 2) + "\n",
  };
  for (const file of Object.keys(files)) {
    if (await exists(`${folder}/${file}`)) {
      throw new InitError(
        `${show(`${folder}/${file}`, from)} already exists; ` +
          "choose another folder: deno task init ../my-gateway",
      );
    }
  }
  try {
    await Deno.mkdir(folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${file}`, text, { createNew: true });
      console.log(`wrote ${show(`${folder}/${file}`, from)}`);
    }
  } catch (error) {
    throw new InitError(`cannot write into ${show(folder, from)}: ${messageOf(error)}`);
  }
  console.log("\nNow:\n");
  if (folder !== from) console.log(`  cd ${show(folder, from)}`);
  console.log("  deno task dev\n  curl http://127.0.0.1:8000/home/7");
}

/** The tasks of the new folder. They run the gateway of this checkout. */
function tasksOf(folder: string): Record<string, string> {
  const at = (file: string) => `"${relative(folder, resolve(CHECKOUT, file))}"`;
  const run = (flags: string) => `deno run --config ${at("deno.json")} ${flags} ${at("main.ts")}`;
  const config = "--config gateway.config.ts";
  return {
    dev: `${run(`--watch ${PERMISSIONS}`)} ${config}`,
    start: `${run(`--v8-flags=--max-semi-space-size=64 ${PERMISSIONS}`)} ${config}`,
    check: `${run(PERMISSIONS)} ${config} --check`,
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new InitError(`cannot look at ${path}: ${messageOf(error)}`);
  }
}

function show(path: string, from: string): string {
  return relative(from, path) || ".";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

if (import.meta.main) {
  try {
    // A task runs in the checkout; INIT_CWD is the folder where the command was typed.
    await init(Deno.args, Deno.env.get("INIT_CWD") ?? Deno.cwd());
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
