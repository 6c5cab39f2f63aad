// deno-lint-ignore-file no-console -- it speaks to the developer who started it
import { fileURLToPath } from "node:url";
import { dirname, resolve } from "node:path";
import { copyFolder, walk } from "./folders.ts";

/**
 * Builds the package for npm: the gateway in a few bundled files, types for the editor, and a command
 * that runs it with the pinned Deno, which is a dependency. `deno task init` copies it into the new
 * folder, which so runs with Deno alone.
 */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const DENO_VERSION = "2.9.6";
const TYPESCRIPT_VERSION = "7.0.2";

/** Where the public modules are in the sources, by their name in the package. */
const MODULES = {
  ".": "lib/mod",
  "./hono": "exports/hono/mod",
  "./policies": "exports/policies/mod",
  "./testing": "exports/testing/mod",
} as const;
/** Threads are started from it, by its URL. */
const WORKER = "lib/transport/worker_main";
/** `sluice init`. */
const INIT = "tools/init_from_package";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly imports: Readonly<Record<string, string>>;
}

/** A mistake of the machine or of the sources; its message is shown. */
class BuildError extends Error {}

/** Builds the package into a folder, which is emptied first. */
export async function buildNpm(folder: string): Promise<void> {
  const manifest: Manifest = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(folder, { recursive: true });
  await Promise.all([bundle(`${folder}/dist`), emitTypes(`${folder}/types`, manifest)]);
  await linkTypes(folder);
  await writePackage(folder, manifest);
}

/** Bundles the program and the public modules, which share their code. */
async function bundle(folder: string): Promise<void> {
  const entries = ["main", ...Object.values(MODULES), WORKER, INIT].map((name) => `${name}.ts`);
  await run(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--platform=deno",
    "--packages=bundle",
    "--code-splitting",
    // The demo is not part of the package.
    "--external=./gateway.config.ts",
    `--outdir=${folder}`,
    ...entries,
  ], ROOT);
  // The bundler leaves the URL of the worker as it is in the sources.
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile) continue;
    const file = `${folder}/${name}`;
    const text = await Deno.readTextFile(file);
    const moved = text.replaceAll("./worker_main.ts", `./${WORKER}.js`);
    if (moved !== text) await Deno.writeTextFile(file, moved);
  }
}

/** Emits the declarations of the public modules and of what they refer to. */
async function emitTypes(folder: string, { imports }: Manifest): Promise<void> {
  const work = await Deno.makeTempDir({ prefix: "sluice-types-" });
  try {
    const packages = Object.values(imports).filter((from) => from.startsWith("npm:"))
      .map((from) => from.slice("npm:".length));
    await Deno.writeTextFile(`${work}/package.json`, "{}");
    await run("npm", [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      `typescript@${TYPESCRIPT_VERSION}`,
      ...packages,
    ], work);
    await Deno.writeTextFile(`${work}/deno.d.ts`, await run(Deno.execPath(), ["types"], work));
    const paths = Object.fromEntries([
      ["*", [`${work}/node_modules/*`, `${work}/node_modules/@types/*`]],
      ...["assert", "async"].map((name) => [`@std/${name}`, [`${ROOT}/lib/std/${name}/mod.d.ts`]]),
    ]);
    await Deno.writeTextFile(
      `${work}/tsconfig.json`,
      JSON.stringify({
        compilerOptions: {
          allowImportingTsExtensions: true,
          declaration: true,
          emitDeclarationOnly: true,
          jsx: "react-jsx",
          jsxImportSource: "hono/jsx",
          lib: ["esnext"],
          module: "esnext",
          moduleResolution: "bundler",
          outDir: folder,
          paths,
          rootDir: ROOT,
          skipLibCheck: true,
          strict: true,
          target: "esnext",
          types: [],
        },
        files: [`${work}/deno.d.ts`, ...Object.values(MODULES).map((name) => `${ROOT}/${name}.ts`)],
      }),
    );
    // What it does not know of the platform does not matter for declarations; they are checked below.
    await run(`${work}/node_modules/.bin/tsc`, ["-p", work], work, [0, 1, 2]);
    await removeUnreferenced(folder);
    await rewriteImports(folder, imports);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Removes the declarations that no public module refers to. */
async function removeUnreferenced(folder: string): Promise<void> {
  const referenced = new Set<string>();
  const add = async (file: string) => {
    if (referenced.has(file)) return;
    referenced.add(file);
    const text = await Deno.readTextFile(file);
    for (const [, path = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]*)\.tsx?"/g)) {
      await add(resolve(dirname(file), `${path}.d.ts`));
    }
  };
  for (const module of Object.values(MODULES)) await add(`${folder}/${module}.d.ts`);
  for await (const file of walk(folder)) if (!referenced.has(file)) await Deno.remove(file);
}

/** Makes declarations refer to each other, and to packages, as Deno resolves them. */
async function rewriteImports(
  folder: string,
  imports: Readonly<Record<string, string>>,
): Promise<void> {
  for await (const file of walk(folder)) {
    const text = await Deno.readTextFile(file);
    const rewritten = text
      .replaceAll(/((?:from|import\() ?")(\.[^"]*)\.tsx?"/g, '$1$2.d.ts"')
      .replaceAll(/((?:from|import\() ?")([@\w][^"]*)"/g, (all, before, name) => {
        const [owner = "", ...rest] = Object.keys(imports)
          .filter((known) => name === known || name.startsWith(`${known}/`));
        const from = imports[owner];
        if (rest.length > 0 || from === undefined || !from.startsWith("npm:")) return all;
        return `${before}${from}${name.slice(owner.length)}"`;
      });
    // What was checked as source is not checked again, as a declaration with other limits.
    await Deno.writeTextFile(file, `// @ts-nocheck\n${rewritten}`);
  }
}

/** Names the declarations of each public module in its first line. */
async function linkTypes(folder: string): Promise<void> {
  for (const module of Object.values(MODULES)) {
    const file = `${folder}/dist/${module}.js`;
    const up = "../".repeat(module.split("/").length);
    const types = `// @ts-self-types="${up}types/${module}.d.ts"\n`;
    await Deno.writeTextFile(file, types + await Deno.readTextFile(file));
  }
}

async function writePackage(folder: string, { name, version, license }: Manifest): Promise<void> {
  const modules = Object.entries(MODULES).map(([path, module]) => [
    path,
    { types: `./types/${module}.d.ts`, default: `./dist/${module}.js` },
  ]);
  const manifest = {
    name,
    version,
    license,
    description: "An API gateway and backend for frontend for the edge, on Deno",
    keywords: ["api-gateway", "backend-for-frontend", "rate-limiting", "reverse-proxy", "deno"],
    type: "module",
    bin: { sluice: "./bin/sluice.js" },
    exports: Object.fromEntries(modules),
    files: ["bin", "dist", "types", "starter", "import_map.json"],
    engines: { node: ">=20" },
    dependencies: { deno: DENO_VERSION },
  };
  await Deno.writeTextFile(`${folder}/package.json`, `${JSON.stringify(manifest, null, 2)}\n`);
  await copyFolder(`${ROOT}/tools/npm`, folder);
  await copyFolder(`${ROOT}/examples/starter`, `${folder}/starter`);
  await Deno.copyFile(`${ROOT}/LICENSE`, `${folder}/LICENSE`);
}

/** Runs a program; returns what it wrote to standard output. */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  expected: readonly number[] = [0],
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd })
    .output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (expected.includes(code)) return out ?? "";
  throw new BuildError(`${program} ${args[0]} failed:\n${error}${out}`);
}

if (import.meta.main) {
  const [folder = "npm"] = Deno.args;
  try {
    await buildNpm(resolve(folder));
    console.log(`built ${folder}; to pack it: cd ${folder} && npm pack`);
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    console.error(error.message);
    Deno.exit(1);
  }
}
