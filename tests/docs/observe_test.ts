import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isRecord } from "../../lib/core/is_record.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { describe } from "../../lib/upstream/describe.ts";
import { parseCurl } from "../support/curl.ts";
import { startGateway } from "../support/gateway.ts";
import { readSnippets, type Snippet } from "../support/snippets.ts";

const FILE = "docs/observe.md";
const document = await Deno.readTextFile(new URL(`../../${FILE}`, import.meta.url));
const snippets = await readSnippets(FILE);

/** The snippets of a chapter. */
function chapter(title: string): readonly Snippet[] {
  const lines = document.split("\n");
  const start = lines.indexOf(`## ${title}`);
  assert(start >= 0, title);
  const end = lines.findIndex((line, index) => index > start && line.startsWith("## "));
  return snippets.filter(({ line }) => line > start && (end < 0 || line < end));
}

async function configOf(snippets: readonly Snippet[]) {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, snippets.find(({ language }) => language === "ts")?.text ?? "");
    return (await import(`file://${file}`)).default;
  } finally {
    await Deno.remove(file);
  }
}

/** Times differ from run to run. */
function timeless(json: string): unknown {
  return JSON.parse(json, (key, value) => /^(?:duration|at)Ms$/.test(key) ? 0 : value);
}

/** Holds that a response has all that is shown; what is left out may be anything. */
function assertShown(response: unknown, shown: unknown, place = ""): void {
  if (Array.isArray(shown)) {
    assert(Array.isArray(response) && response.length === shown.length, `${place}: a list`);
    shown.forEach((item, index) => assertShown(response[index], item, `${place}/${index}`));
  } else if (isRecord(shown)) {
    assert(isRecord(response), `${place}: an object`);
    for (const [key, value] of Object.entries(shown)) {
      assertShown(response[key], value, `${place}/${key}`);
    }
  } else assertEquals(response, shown, place);
}

for (const [title, requests] of [["Explain and rehearse", 2], ["OpenAPI", 1]] as const) {
  Deno.test(`docs/observe.md: the requests of "${title}" get the responses that it shows`, async () => {
    const all = chapter(title);
    const config = await configOf(all);
    await using gateway = startGateway(config);
    let shown = 0;
    for (const [index, { language, text }] of all.entries()) {
      const next = all[index + 1];
      if (language !== "sh" || next?.language !== "json") continue;
      const { path, init } = parseCurl(text);
      const answer = await (await fetch(gateway.url + path, init)).text();
      assertShown(timeless(answer), timeless(next.text));
      shown++;
    }
    assertEquals(shown, requests);
    for (const { language, text } of all) {
      if (language !== "text") continue;
      assertStringIncludes(describe(parseConfig(config, () => undefined)), text.trimEnd());
    }
  });
}
