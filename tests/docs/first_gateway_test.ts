import { assert, assertEquals, assertThrows } from "@std/assert";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { ConfigError } from "../../lib/config/config_error.ts";
import starter from "../../examples/starter/gateway.config.ts";
import { ask } from "../support/responses.ts";
import { parseCurl } from "../support/curl.ts";
import { startGateway } from "../support/gateway.ts";
import { readSnippets } from "../support/snippets.ts";

const snippets = await readSnippets("docs/first_gateway.md");

async function imported(text: string): Promise<GatewayConfig> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, text);
  const { default: config }: { default: GatewayConfig } = await import(`file://${file}`);
  await Deno.remove(file);
  return config;
}

/** A document without what differs each time. */
function parse(text: string): unknown {
  const document = JSON.parse(text);
  delete document.instance;
  return document;
}

Deno.test("docs/first_gateway.md shows the real responses", async () => {
  let config: GatewayConfig = starter;
  let shown = 0;
  for (const [index, { language, text }] of snippets.entries()) {
    if (language === "ts") config = await imported(text);
    const commands = text.split("\n").filter((line) => line.startsWith("curl "));
    const expected = snippets[index + 1];
    if (language !== "sh" || commands.length === 0 || expected?.language !== "json") continue;
    await using gateway = startGateway(config);
    let answer = "";
    for (const command of commands) {
      const { path, init } = parseCurl(command);
      answer = await (await ask(gateway.url + path, init)).text();
    }
    assertEquals(parse(answer), parse(expected.text), answer);
    shown++;
  }
  assertEquals(shown, 3);
});

Deno.test("docs/first_gateway.md shows the real errors of its mistakes", async () => {
  const told = snippets.find(({ text }) => text.startsWith("limits.perClient.burst"));
  const config = await imported(
    snippets.findLast(({ language }) => language === "ts")?.text
      .replace('from: "users"', 'from: "user"').replace("burst: 2", "burst: 0") ?? "",
  );
  const error = assertThrows(() => parseConfig(config, () => undefined), ConfigError);
  assertEquals(`${error.message}\n`, told?.text);
});

Deno.test("the starter parses, and comments explain each line", async () => {
  assert(parseConfig(starter, () => undefined).routes.length > 0);
  const text = await Deno.readTextFile(
    new URL("../../examples/starter/gateway.config.ts", import.meta.url),
  );
  assert((text.match(/^ *\/\//gm) ?? []).length >= 8);
});
