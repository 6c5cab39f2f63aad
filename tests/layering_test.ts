import { assert, assertEquals, assertFalse } from "@std/assert";

const REPOSITORY = new URL("../", import.meta.url);

/** One file of the program, or a package, by its path or its name: `lib/core/body.ts`, `npm:hono`. */
interface Module {
  readonly path: string;
  readonly imports: readonly string[];
}

const graph = await readGraph();
const files = graph.filter(({ path }) => /\.tsx?$/.test(path));
const read = (path: string) => Deno.readTextFile(new URL(path, REPOSITORY));

/** Which folders a file may import from; a file at the top is a layer of its own. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["gateway.config.ts", "routes", "middleware", "lib"],
  "gateway.config.ts": ["lib/mod.ts"],
  // The public API, which has a gateway as a whole, too.
  "lib/mod.ts": ["routes", "middleware", "lib"],
  "routes": ["routes", "middleware", "lib"],
  "middleware": ["middleware", "lib"],
  // The version is read from deno.json.
  "lib": ["lib", "deno.json"],
};

/** Which folders of lib/ the files of a folder may import; each its own, too. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  async: ["core"],
  json: ["core"],
  expression: [],
  auth: ["core", "cache", "json"],
  http: ["core"],
  log: ["core"],
  store: ["core"],
  observe: ["core"],
  coding: ["core", "async"],
  template: ["core", "http", "json"],
  batch: ["core", "http", "json"],
  limiter: ["core", "http", "store"],
  cache: ["core", "async", "coding", "http", "store"],
  gather: ["core", "async", "cache", "http", "json", "template"],
  policies: ["core", "async", "coding", "http", "json", "limiter", "observe", "template"],
  config: [
    "core",
    "auth",
    "cache",
    "expression",
    "gather",
    "http",
    "json",
    "limiter",
    "template",
  ],
  transport: ["core", "async", "config", "http", "json", "template"],
  operator: ["core", "config", "http", "store"],
  upstream: [
    "core",
    "async",
    "cache",
    "config",
    "gather",
    "http",
    "json",
    "log",
    "observe",
    "policies",
    "template",
    "transport",
  ],
  openapi: ["core", "config", "http", "json", "template"],
  rehearsal: ["core", "config", "json", "upstream"],
  process: ["core", "config", "expression", "log", "observe", "operator"],
};

/** The only places in lib/ that may use the platform's own API, besides files named `kv_*`. */
const PLATFORM = ["lib/process/", "lib/store/", "lib/transport/"];

/** The global in use: `Deno.serve`, `Deno["serve"]`, `= Deno;`. */
const DENO = /\bDeno\s*[.?;,)[\]]/;

const POLICIES = "lib/policies/";
const DEV_PACKAGES = [
  "axe-core",
  "hono-rate-limiter",
  "playwright-core",
  "@redocly/openapi-core",
  "countries-and-timezones",
  "date-holidays",
  "world-countries",
];

Deno.test("layering: the graph of main.ts was read", () => {
  const paths = graph.map(({ path }) => path);
  for (const path of ["main.ts", "routes/gateway.ts", "lib/upstream/stack.ts", "npm:hono"]) {
    assert(paths.includes(path), path);
  }
});

Deno.test("layering: imports point one way, main -> routes -> middleware -> lib", () => {
  const against = edges(files)
    .filter(([, to]) => isOurs(to))
    .filter(([from, to]) => !ALLOWED[layerOf(from)]?.includes(layerOf(to)));
  assertEquals(against, []);
});

Deno.test("layering: lib/ never imports Hono", () => {
  const against = edges(files).filter(([from, to]) => layerOf(from) === "lib" && to === "npm:hono");
  assertEquals(against, []);
});

Deno.test("layering: the graph of imports has no cycle", () => {
  assertEquals(cycles(files), []);
});

Deno.test("layering: a folder of lib/ imports those that its row names, and no other", () => {
  const against = libEdges().filter(([from, to]) => {
    const [folder, imported] = [folderOf(from), folderOf(to)];
    return folder !== imported && !FOLDERS[folder]?.includes(imported);
  });
  assertEquals(against, []);
});

Deno.test("layering: the table of folders has no cycle, and a row for each folder", async () => {
  const modules = Object.entries(FOLDERS).map(([path, imports]) => ({ path, imports }));
  assertEquals(cycles(modules), []);
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL("lib/", REPOSITORY))) {
    if (isDirectory && name !== "std") folders.push(name);
    else assert(isDirectory || name === "mod.ts", `lib/${name} lies flat in lib/`);
  }
  assertEquals(folders.sort(), Object.keys(FOLDERS).sort());
});

Deno.test("layering: policies never import each other", () => {
  const against = edges(files).filter(([from, to]) =>
    from.startsWith(POLICIES) && to.startsWith(POLICIES) && policyOf(from) !== policyOf(to)
  );
  assertEquals(against, []);
});

Deno.test("layering: lib/upstream/ imports every policy, and no other folder any", async () => {
  const imported = edges(files)
    .filter(([from, to]) => to.startsWith(POLICIES) && !from.startsWith(POLICIES));
  const against = imported.filter(([from]) => !from.startsWith("lib/upstream/"));
  assertEquals(against, []);
  const policies: string[] = [];
  for await (const { name } of Deno.readDir(new URL(POLICIES, REPOSITORY))) {
    policies.push(policyOf(POLICIES + name));
  }
  const known = new Set(
    imported.filter(([from]) => from === "lib/upstream/stack.ts").map(([, to]) => policyOf(to)),
  );
  assertEquals([...known].sort(), policies.sort());
});

Deno.test("layering: Deno's own API is used where it may be, and nowhere else", async () => {
  const using: string[] = [];
  for (const { path } of files) {
    if (usesDeno(await read(path))) using.push(path);
  }
  const against = using.filter((path) =>
    path !== "main.ts" && !PLATFORM.some((place) => path.startsWith(place)) &&
    !/\/kv_\w+\.ts$/.test(path)
  );
  assertEquals(against, []);
  assert(using.includes("main.ts"), "a use is seen");
});

Deno.test("layering: a comment about Deno's API is no use of it", () => {
  assertFalse(usesDeno("/** As Deno.serve does. */\n// Deno.serve\n/*\n * Deno.serve\n */"));
  assert(usesDeno("const url = `http://${host}`; Deno.serve(handler);"));
  assertFalse(usesDeno('throw new Error("the store of Deno KV");'));
  assert(usesDeno("// first\nconst { serve } = Deno;"));
  assert(usesDeno("function open(): Promise<Deno.Kv> {"));
});

Deno.test("layering: the program holds nothing of its tests, examples and their packages", () => {
  const against = graph.map(({ path }) => path).filter((path) =>
    /^(?:tests|examples|bench)\//.test(path) ||
    DEV_PACKAGES.some((name) => path === `npm:${name}`)
  );
  assertEquals(against, []);
});

Deno.test("layering: every file of lib/, middleware/ and routes/ is part of the program", async () => {
  const known = new Set(graph.map(({ path }) => path));
  const unknown: string[] = [];
  for (const folder of ["lib", "middleware", "routes"]) {
    for await (const path of walk(folder)) if (!known.has(path)) unknown.push(path);
  }
  // The standard library stands in lib/std, also the parts that tests alone need.
  assertEquals(unknown.filter((path) => !path.startsWith("lib/std/")), []);
});

function layerOf(path: string): string {
  return path === "lib/mod.ts" ? path : path.split("/", 1)[0] ?? path;
}

/** The folder of a file in lib/; a policy's own folder is part of lib/policies. */
function folderOf(path: string): string {
  return path.split("/")[1] ?? path;
}

/** `retry` for lib/policies/retry/ and all in it, and for lib/policies/retry.ts. */
function policyOf(path: string): string {
  return path.slice(POLICIES.length).replace(/(?:\/.*|\.ts)$/, "");
}

function libEdges(): [from: string, to: string][] {
  const isInFolder = (path: string) => /^lib\/(?!std\/)[^/]+\//.test(path);
  return edges(files).filter(([from, to]) => isInFolder(from) && isInFolder(to));
}

function isOurs(path: string): boolean {
  return !/^(?:npm|node|jsr):/.test(path);
}

function edges(modules: readonly Module[]): [from: string, to: string][] {
  return modules.flatMap(({ path, imports }) => imports.map((to): [string, string] => [path, to]));
}

/** Each cycle of imports, as the path that leads round it. */
function cycles(modules: readonly Module[]): string[] {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, way: readonly string[]) => {
    const start = way.indexOf(path);
    if (start >= 0) found.push([...way.slice(start), path].join(" -> "));
    if (start >= 0 || done.has(path)) return;
    for (const next of byPath.get(path)?.imports ?? []) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of modules) visit(path, []);
  return found;
}

/** Whether code names the global; lines that are comments do not count. */
function usesDeno(text: string): boolean {
  return text.split("\n").some((line) => !/^\s*(?:\/\/|\/?\*)/.test(line) && DENO.test(line));
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, REPOSITORY))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else if (/\.tsx?$/.test(name)) yield path;
  }
}

/** What `deno info` knows of main.ts: every module that it loads, and what each of them imports. */
async function readGraph(): Promise<Module[]> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: REPOSITORY,
    stderr: "inherit",
  }).output();
  if (!success) throw new Error("deno info failed");
  const info: unknown = JSON.parse(new TextDecoder().decode(stdout));
  return listOf(info, "modules").map((module) => ({
    path: pathOf(textOf(module, "specifier")),
    imports: listOf(module, "dependencies").map((dependency) =>
      pathOf(
        textOf(fieldOf(dependency, "code") ?? fieldOf(dependency, "type"), "specifier"),
      )
    ),
  }));
}

/** `lib/core/body.ts` for a file of the repository, `npm:hono` for any file of a package. */
function pathOf(specifier: string): string {
  if (specifier.startsWith(REPOSITORY.href)) return specifier.slice(REPOSITORY.href.length);
  return specifier.replace(/^(npm|jsr):\/?(@?[^@]+?)(?:@.*|\/.*)?$/, "$1:$2");
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
}

function textOf(value: unknown, key: string): string {
  const text = fieldOf(value, key);
  if (typeof text !== "string") throw new Error(`deno info gives no ${key}`);
  return text;
}

function listOf(value: unknown, key: string): unknown[] {
  const list = fieldOf(value, key) ?? [];
  if (!Array.isArray(list)) throw new Error(`deno info gives no list of ${key}`);
  return list;
}
