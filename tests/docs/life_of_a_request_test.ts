import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const PAGE = "docs/life_of_a_request.md";
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

const page = await read(PAGE);

/** The text of a section, without its heading. */
function section(heading: string): string {
  const found = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  assert(found !== undefined, `${PAGE} has no section "${heading}"`);
  return found;
}

/** The files in the first column of a section's table, in order. */
function tableOf(heading: string): string[] {
  return [...section(heading).matchAll(/^\| \[`([^`]+)`\]/gm)].map(([, file = ""]) => file);
}

/** Where a module imports each name from: `client` → `middleware/client.ts`. */
function importsOf(source: string, folder: string): Map<string, string> {
  const imports = [...source.matchAll(/^import \{([^}]*)\} from "(\.[^"]+)";$/gm)];
  return new Map(imports.flatMap(([, names = "", path = ""]) => {
    const file = new URL(path, `file:///${folder}/`).pathname.slice(1);
    return names.split(",").map((name) => [name.trim(), file] as const);
  }));
}

/** What stands between two texts of a source. */
function between(source: string, begin: string, end: string): string {
  const from = source.indexOf(begin);
  const to = source.indexOf(end, from + begin.length);
  assert(from >= 0 && to >= 0, `no ${begin} … ${end}`);
  return source.slice(from + begin.length, to);
}

Deno.test(`${PAGE}: every file that it names exists, and is linked`, async () => {
  const named = [...page.matchAll(/`((?:lib|routes|middleware|tests)\/[\w/]+\.ts|main\.ts)`/g)]
    .map(([, file = ""]) => file);
  const linked = [...page.matchAll(/\]\(\.\.\/([^)#]+)\)/g)].map(([, file = ""]) => file);
  assert(linked.length > 50, "the page names the files on the way");
  for (const file of [...named, ...linked]) await Deno.stat(new URL(file, ROOT));
  for (const [, text, file] of page.matchAll(/\[`([^`]+)`\]\(\.\.\/([^)]+)\)/g)) {
    assertEquals(text, file, "a link says where it leads");
  }
});

Deno.test(`${PAGE}: its middleware is that of routes/gateway.ts, in the same order`, async () => {
  const source = await read("routes/gateway.ts");
  const imports = importsOf(source, "routes");
  const isMiddleware = (name: string) => imports.get(name)?.startsWith("middleware/") ?? false;
  // A middleware that all routes share is built before the list: const identify = client(…).
  const shared = new Map(
    [...source.matchAll(/const (\w+) = (\w+)\(/g)].flatMap(([, name = "", made = ""]) =>
      isMiddleware(made) ? [[name, made] as const] : []
    ),
  );
  const filesOf = (list: string) =>
    [...list.matchAll(/(?<![."\w])(\w+)(?=[(,])/g)]
      .map(([, name = ""]) => shared.get(name) ?? name)
      .filter(isMiddleware)
      .map((name) => imports.get(name));
  const every = filesOf(between(source, "const everyRequest = (", "\n  ];"));
  const matched = filesOf(between(source, "const matchedRequest =", "\n    ];"));
  assert(every.length > 8 && matched.length > 5, "the lists were read");
  assertEquals(tableOf("In: what every request meets"), every);
  assertEquals(tableOf("In: what a matched request meets"), matched);
});

Deno.test(`${PAGE}: its stacks are those of lib/upstream/stack.ts, in the same order`, async () => {
  const source = await read("lib/upstream/stack.ts");
  const imports = importsOf(source, "lib/upstream");
  const policiesOf = (name: string) =>
    [...between(source, `function ${name}(`, "\n}").matchAll(/\b(\w+)Layer\(/g)]
      .map(([, layer = ""]) => layer.replace("forwardCache", "cache"));
  const part = [...policiesOf("replyLayers"), ...policiesOf("callLayers")];
  assert(part.length > 5, "the stack was read");
  const stack = section("A part's stack");
  assertStringIncludes(stack, `\n${[...part, "transport"].join(" → ")}\n`);
  assertEquals(tableOf("A part's stack"), part.map((policy) => imports.get(policy)));
  const forward = [...policiesOf("forwardLayers"), "transport"].join(" → ");
  assertStringIncludes(section("A forward route"), `\n${forward}\n`);
});
