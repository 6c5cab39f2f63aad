import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import devConfig from "../../examples/dev/gateway.config.ts";
import { variables } from "../../examples/dev/variables.ts";
import { serveSamples } from "../../examples/upstreams/serve.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ConfigError } from "../../lib/config/config_error.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { isRecord } from "../../lib/core/is_record.ts";
import { KINDS } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import { parseCurl } from "../support/curl.ts";
import { CERTIFICATES } from "../support/certificates.ts";
import { startGateway } from "../support/gateway.ts";
import { startOperated, TOKEN } from "../support/operated.ts";
import { readSnippets, type Snippet } from "../support/snippets.ts";

const ROOT = new URL("../../", import.meta.url);
const DOCS = ["README.md", ...await listDocs()];
const SECRETS = ["ORDERS_TOKEN", "MOBILE_KEY", "USERS_TOKEN"];
const ENV = (name: string) => SECRETS.includes(name) ? "secret" : undefined;

const snippets = (await Promise.all(DOCS.map(readSnippets))).flat();

async function listDocs(): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(new URL("docs/", ROOT)), ({ name }) => name);
  return names.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`).sort();
}

function inLanguage(language: string): Snippet[] {
  return snippets.filter((snippet) => snippet.language === language);
}

/** Certificates and keys, by the names that snippets have for them. */
function readFile({ pathname }: URL): string {
  return pathname.endsWith("key.pem") ? CERTIFICATES.key : CERTIFICATES.good;
}

Deno.test("every TypeScript snippet type-checks, and every config parses", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = inLanguage("ts").map(({ file, line, text }) => {
      const path = `${folder}/${file.replace(/\W/g, "_")}_${line}.ts`;
      Deno.writeTextFileSync(path, text);
      return path;
    });
    assert(files.length >= 3);
    const check = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--config", new URL("deno.json", ROOT).pathname, ...files],
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(check.code, 0, new TextDecoder().decode(check.stderr));
    for (const file of files) {
      // A test cannot be registered by a running one: testing_test.ts runs it.
      if (Deno.readTextFileSync(file).includes("Deno.test(")) continue;
      const module: { default?: unknown } = await import(`file://${file}`);
      // A snippet's own files are not written down.
      const place = { url: new URL(`file://${file}`), hasFile: () => true, readFile };
      if (isRecord(module.default)) parseConfig(module.default, ENV, place);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the README's requests get the responses that it shows", async () => {
  await using samples = await serveSamples({
    ports: { countries: 0, holidays: 0, timeZones: 0, mirror: 0 },
  });
  const env = variables(samples.urls, "http://127.0.0.1:9");
  await using gateway = startGateway(devConfig, { env });
  const origins = new Map([
    ["http://127.0.0.1:8000", gateway.url],
    ["http://127.0.0.1:9002", samples.urls.holidays],
  ]);

  let answer = "";
  let shown = 0;
  for (const { file, language, text } of snippets) {
    if (file !== "README.md") continue;
    for (const command of language === "sh" ? text.split("\n") : []) {
      const [, method = "GET", url] = /^curl (?:-X (\w+) )?'?([^' ]+)'?$/.exec(command) ?? [];
      if (url === undefined) continue;
      const { origin } = new URL(url);
      const response = await fetch(url.replace(origin, origins.get(origin) ?? "http://unknown"), {
        method,
      });
      answer = await response.text();
    }
    if (language === "json") {
      const [response, expected] = [JSON.parse(answer), JSON.parse(text)];
      if (shown === 0) assertEquals(response, expected);
      else { // only the members that differ are shown
        const { complete, problems, data: { holidays } } = response;
        assertEquals({ complete, problems, holidays }, { ...expected, holidays: null });
      }
      shown++;
    }
  }
  assertEquals(shown, 2);
});

Deno.test("the requests of docs/policies.md get the responses that it shows", async () => {
  const all = await readSnippets("docs/policies.md");
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, all.find(({ language }) => language === "ts")?.text ?? "");
    const { default: config }: { default: GatewayConfig } = await import(`file://${file}`);
    await using gateway = startGateway(config);
    let shown = 0;
    for (const [index, { language, text }] of all.entries()) {
      const [, accept = "*/*", path] =
        /^curl (?:-N )?(?:-H 'Accept: ([^']+)' )?'?http:\/\/127\.0\.0\.1:8000([^' ]+)'?$/m.exec(
          text,
        ) ??
          [];
      const next = all[index + 1];
      if (language !== "sh" || path === undefined || !next) continue;
      const answer = await (await fetch(gateway.url + path, { headers: { accept } })).text();
      if (next.language === "json") assertEquals(JSON.parse(answer), JSON.parse(next.text));
      else assertEquals(answer.trimEnd(), next.text.trimEnd());
      shown++;
    }
    assertEquals(shown, 9);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("the requests of docs/operating.md get the responses that it shows", async () => {
  const all = await readSnippets("docs/operating.md");
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, all.find(({ language }) => language === "ts")?.text ?? "");
  const { default: config }: { default: GatewayConfig } = await import(`file://${file}`);
  await Deno.remove(file);
  await using it = await startOperated(config);
  // When a thing happened differs from day to day.
  const timeless = (text: string) => text.replaceAll(/"\d{4}-[\d:.T-]+Z"/g, '"a time"');
  let shown = 0;
  for (const [index, { language, text }] of all.entries()) {
    const next = all[index + 1];
    if (language !== "sh" || !next) continue;
    const { path, init } = parseCurl(text);
    init.headers.append("authorization", `Bearer ${TOKEN}`);
    const answer = await (await fetch(it.gateway.url + path, init)).text();
    assertEquals(JSON.parse(timeless(answer)), JSON.parse(timeless(next.text)), text);
    shown++;
  }
  assertEquals(shown, 8);
});

Deno.test("the batches of docs/batch.md get the responses that it shows", async () => {
  const all = await readSnippets("docs/batch.md");
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, all.find(({ language }) => language === "ts")?.text ?? "");
  const { default: config }: { default: GatewayConfig } = await import(`file://${file}`);
  await Deno.remove(file);
  await using gateway = startGateway(config);
  const timeless = (text: string) => text.replaceAll(/dur=\d+\.\d/g, "dur=0");
  let shown = 0;
  for (const [index, { language, text }] of all.entries()) {
    const next = all[index + 1];
    if (language !== "sh" || !next) continue;
    const { path, init } = parseCurl(text);
    const answer = timeless(await (await fetch(gateway.url + path, init)).text());
    const expected = timeless(next.text);
    if (next.language === "json") assertEquals(JSON.parse(answer), JSON.parse(expected));
    else assertEquals(answer.trimEnd(), expected.trimEnd());
    shown++;
  }
  assertEquals(shown, 2);
});

Deno.test("each row of docs/from_asyncio.md leads to an example, and each example has a row", async () => {
  const text = await Deno.readTextFile(new URL("docs/from_asyncio.md", ROOT));
  const linked = [...text.matchAll(/\]\(\.\.\/(examples\/[^)]+)\)/g)].map(([, path]) => path ?? "");
  for (const path of linked) await Deno.stat(new URL(path, ROOT));
  const parts = ["after.ts", "never.ts"]; // which examples are made of
  for await (const { name } of Deno.readDir(new URL("examples/asyncio/", ROOT))) {
    if (!parts.includes(name)) assert(linked.includes(`examples/asyncio/${name}`), name);
  }
});

Deno.test("every task that a document names exists", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const documents = await Promise.all(DOCS.map((file) => Deno.readTextFile(new URL(file, ROOT))));
  const named = documents.flatMap((text) =>
    [...text.matchAll(/\b(?:deno|deno@[\d.]+) task ([a-z:]+[a-z])/g)].map(([, task = ""]) => task)
  );
  assert(named.includes("dev") && named.includes("bench:limit"));
  for (const task of named) assert(task in tasks, task);
});

Deno.test("the config errors that the documents show are the ones that come", async () => {
  const [shown] = (await readSnippets("docs/configuration.md")).filter(({ text }) =>
    text.startsWith("upstreams.users.timeout")
  );
  const error = assertThrows(() =>
    parseConfig({
      upstreams: { users: { url: "http://127.0.0.1:9001", timeout: "4 sec" } },
      routes: { "GET /home/:id": { gather: { profile: { from: "usrs" } } } },
    }, ENV), ConfigError);
  assertEquals(`${error.message}\n`, shown?.text);
});

Deno.test("docs/errors.md lists every kind of problem with its status", async () => {
  const document = await Deno.readTextFile(new URL("docs/errors.md", ROOT));
  for (const [kind, { status, blame }] of Object.entries(KINDS)) {
    const row = document.split("\n").find((line) => line.startsWith(`| \`${kind}\``));
    assert(row, kind);
    if (kind !== "upstream-refused") assertStringIncludes(row, String(status));
    assertStringIncludes(row, blame);
  }
});

Deno.test("the problem documents that the documents show are the ones that come", async () => {
  await using gateway = startGateway({
    upstreams: { a: { url: "http://127.0.0.1:1" } },
    routes: { "GET /a": { forward: "a" } },
  });
  const [shown] = (await readSnippets("docs/errors.md")).filter(({ text }) =>
    text.includes("not-found")
  );
  const { instance: _, ...document } = await (await fetch(`${gateway.url}/nowhere`)).json();
  const { instance: __, ...expected } = JSON.parse(shown?.text ?? "");
  assertEquals(document, expected);

  const page = await fetch(`${gateway.url}${document.type}`);
  assertEquals((await page.json()).kind, "not-found");
});

Deno.test("the client of docs/rate_limiting.md is admitted after Retry-After", async () => {
  const [snippet] = (await readSnippets("docs/rate_limiting.md")).filter(({ text }) =>
    text.includes("patientFetch")
  );
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, snippet?.text ?? "");
    const { patientFetch }: { patientFetch: (url: string) => Promise<Response> } = await import(
      `file://${file}`
    );
    await using gateway = startGateway({
      upstreams: { here: { source: () => Promise.resolve(json({ ok: true })) } },
      limits: { narrow: { rate: "2/s", burst: 1 } },
      routes: { "GET /": { limit: "narrow", gather: { it: { from: "here" } } } },
    });
    const statuses = [];
    for (let request = 0; request < 2; request++) {
      const response = await patientFetch(gateway.url);
      statuses.push(response.status);
      await response.body?.cancel();
    }
    assertEquals(statuses, [200, 200]);
    assertEquals(gateway.log.map(({ status }) => status), [200, 429, 200]);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("every simulation that docs/rate_limiting.md shows runs, and keeps the limit", async () => {
  const prompt = "deno task simulate ";
  const commands = (await readSnippets("docs/rate_limiting.md"))
    .filter(({ language, text }) => language === "sh" && text.startsWith(prompt));
  assert(commands.length >= 3);
  const main = new URL("bench/simulate/main.ts", ROOT).pathname;
  for (const { text } of commands) {
    const flags = text.trim().slice(prompt.length).split(" ");
    // Shorter than it is shown: its figures are for readers, not for tests.
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", main, ...flags, "--requests", "300"],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], text);
  }
});
