import { assert, assertEquals, assertFalse } from "@std/assert";

const REPOSITORY = new URL("../", import.meta.url);

/** One file of the program, or a package, by its path or its name: `lib/core/body.ts`, `npm:hono`. */
interface Module {
  readonly path: string;
  readonly imports: readonly string[];
}

const graph = await readGraph();
const files = graph.filter(({ path }) => path.endsWith(".ts"));
const read = (path: string) => Deno.readTextFile(new URL(path, REPOSITORY));

/** Which folders a file may import from; a file at the top is a layer of its own. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["gateway.config.ts", "routes", "middleware", "lib"],
  "gateway.config.ts": ["lib"],
  "routes": ["routes", "middleware", "lib"],
  "middleware": ["middleware", "lib"],
  "lib": ["lib"],
};

/** The only files outside lib/process/, lib/store/ and lib/transport/ that may speak to the platform. */
const PLATFORM = [
  "main.ts",
  "lib/cache/kv_purges.ts",
  "lib/cache/kv_disk_bound.ts",
  "lib/cache/kv_tier.ts",
  "lib/store/open_kv.ts",
  "lib/limiter/stores/kv_store.ts",
  "lib/operator/kv_blocks.ts",
  "lib/operator/kv_changes.ts",
  "lib/operator/kv_clients.ts",
  "lib/operator/kv_operator.ts",
  "lib/store/create_compact.ts",
];

/** The global in use: `Deno.serve`, `Deno["serve"]`, `= Deno;`. */
const DENO = /\bDeno\s*[.?;,)[\]]/;

const POLICIES = "lib/policies/";
const DEV_PACKAGES = ["countries-and-timezones", "date-holidays", "world-countries"];

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

Deno.test("layering: no import goes round in a circle", () => {
  assertEquals(circles(files), []);
});

Deno.test("layering: policies never import each other", () => {
  const against = edges(files)
    .filter(([from, to]) => from.startsWith(POLICIES) && to.startsWith(POLICIES));
  assertEquals(against, []);
});

Deno.test("layering: lib/upstream/stack.ts imports every policy, and no other file any", async () => {
  const policies: string[] = [];
  for await (const { name } of Deno.readDir(new URL(POLICIES, REPOSITORY))) {
    policies.push(POLICIES + name);
  }
  const imported = edges(files).filter(([, to]) => to.startsWith(POLICIES));
  assertEquals([...new Set(imported.map(([from]) => from))], ["lib/upstream/stack.ts"]);
  assertEquals(imported.map(([, to]) => to).sort(), policies.sort());
});

Deno.test("layering: Deno's own API is used in main.ts, what speaks to Deno KV, lib/process/, lib/store/ and lib/transport/ alone", async () => {
  const using: string[] = [];
  for (const { path } of files) {
    if (usesDeno(await read(path))) using.push(path);
  }
  const against = using.filter((path) =>
    !PLATFORM.includes(path) && !/^lib\/(?:process|store|transport)\//.test(path)
  );
  assertEquals(against, []);
  assert(using.includes("main.ts"), "a use is seen");
});

Deno.test("layering: comments that speak of Deno's API are no use of it", () => {
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
  return path.split("/", 1)[0] ?? path;
}

function isOurs(path: string): boolean {
  return !/^(?:npm|node|jsr):/.test(path);
}

function edges(modules: readonly Module[]): [from: string, to: string][] {
  return modules.flatMap(({ path, imports }) => imports.map((to): [string, string] => [path, to]));
}

/** Each circle of imports, as the path that leads round it. */
function circles(modules: readonly Module[]): string[] {
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
    else if (name.endsWith(".ts")) yield path;
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
