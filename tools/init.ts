// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { relative, resolve } from "node:path";
import { copyFolder } from "./folders.ts";

const PERMISSIONS = "--allow-net --allow-env --allow-read --allow-write";
const MAIN = "sluice/dist/main.js --config gateway.config.ts";
const RUN = `deno run --v8-flags=--max-semi-space-size=64 ${PERMISSIONS} ${MAIN}`;

/** The folder's own deno.json: everything in it is in the folder, which can be copied as it is. */
const DENO_JSON = {
  imports: {
    "sluice": "./sluice/dist/lib/mod.js",
    "sluice/hono": "./sluice/dist/exports/hono/mod.js",
    "sluice/policies": "./sluice/dist/exports/policies/mod.js",
    "sluice/testing": "./sluice/dist/exports/testing/mod.js",
  },
  unstable: ["kv", "no-legacy-abort", "net"],
  tasks: {
    dev: `${RUN} --watch-config`,
    start: RUN,
    check: `deno check gateway.config.ts && ${RUN} --check`,
    test: "deno test",
  },
  exclude: ["sluice/", "data/"],
};

/** A mistake of the developer who ran the command, or of the folder; its message is shown to them. */
export class InitError extends Error {}

/**
 * Writes a starter config, a test of it, and the gateway itself into a folder. Existing files are never
 * overwritten.
 * @param args the arguments of the command: the folder, by default the current one
 * @param from the folder where the command was typed
 * @param prepare returns the folder of a built package; called once the new folder is known to be free
 * @param command how the command is called, for its usage
 * @throws {InitError}
 */
export async function init(
  args: readonly string[],
  from: string,
  prepare: () => Promise<string>,
  command: string,
): Promise<void> {
  const [name = ".", ...more] = args;
  if (more.length > 0 || name.startsWith("-")) throw new InitError(`usage: ${command} [FOLDER]`);
  const folder = resolve(from, name);
  const show = (path: string) => relative(from, path) || ".";
  const written = {
    "deno.json": `${JSON.stringify(DENO_JSON, null, 2)}\n`,
    ".gitignore": "/data/\n",
    ".dockerignore": ".git\ndata\n*_test.ts\n",
  };
  const starters = ["gateway.config.ts", "gateway_test.ts", "Dockerfile", "README.md"];
  for (const file of [...starters, ...Object.keys(written), "sluice"]) {
    if (!await exists(`${folder}/${file}`)) continue;
    throw new InitError(
      `${
        show(`${folder}/${file}`)
      } already exists; choose another folder: ${command} ../my-gateway`,
    );
  }
  const built = await prepare();
  try {
    await Deno.mkdir(folder, { recursive: true });
    for (const file of starters) {
      const text = await Deno.readTextFile(`${built}/starter/${file}`);
      await Deno.writeTextFile(`${folder}/${file}`, text, { createNew: true });
      console.log(`wrote ${show(`${folder}/${file}`)}`);
    }
    for (const [file, text] of Object.entries(written)) {
      await Deno.writeTextFile(`${folder}/${file}`, text, { createNew: true });
      console.log(`wrote ${show(`${folder}/${file}`)}`);
    }
    for (const part of ["dist", "types"]) {
      await copyFolder(`${built}/${part}`, `${folder}/sluice/${part}`);
    }
    for (const file of ["LICENSE", "README.md"]) {
      await Deno.copyFile(`${built}/${file}`, `${folder}/sluice/${file}`);
    }
    console.log(`wrote ${show(`${folder}/sluice/`)}, the gateway itself`);
  } catch (error) {
    throw new InitError(`cannot write into ${show(folder)}: ${messageOf(error)}`);
  }
  console.log("\nNow:\n");
  if (folder !== from) console.log(`  cd ${show(folder)}`);
  console.log("  deno task dev\n  curl http://127.0.0.1:8000/home/7");
}

/** Runs the command, and ends with 1 after a mistake. The parameters are those of {@linkcode init}. */
export async function runInit(
  from: string,
  prepare: () => Promise<string>,
  command: string,
): Promise<void> {
  try {
    await init(Deno.args, from, prepare, command);
  } catch (error) {
    if (!(error instanceof InitError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
