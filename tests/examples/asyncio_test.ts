import { assert, assertEquals } from "@std/assert";
import "../../examples/asyncio/testing_test.ts";
import { serveSamples } from "../../examples/upstreams/serve.ts";
import type { GatewayConfig } from "../../lib/config/gateway.ts";
import { ask, readEnvelope } from "../support/responses.ts";
import { parseCurl } from "../support/curl.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { startProgram } from "../support/program.ts";

const FOLDER = new URL("../../examples/asyncio/", import.meta.url);

/** What an example says above itself: commands, and the answer that the last of them gets. */
interface Shown {
  readonly commands: readonly string[];
  readonly answer: string;
}

function shownIn(text: string): Shown[] {
  const comment = /\/\*\*([\s\S]*?)\*\/\nexport default/.exec(text.slice(text.lastIndexOf("/**")));
  const lines = (comment?.[1] ?? "").replaceAll(/^ \* ?/gm, "");
  return [...lines.matchAll(/```sh\n([\s\S]*?)```\n\n```\w*\n([\s\S]*?)```/g)].map((
    [, commands = "", answer = ""],
  ) => ({ commands: commands.trim().split("\n"), answer }));
}

/** A document without what differs each time. */
function parse(text: string): unknown {
  const document = JSON.parse(text);
  delete document.instance;
  return document;
}

async function startExample(name: string, countries: string): Promise<TestGateway> {
  const { default: config }: { default: GatewayConfig } = await import(`${FOLDER}${name}`);
  const upstreams = "countries" in config.upstreams
    ? { ...config.upstreams, countries: { url: countries } }
    : config.upstreams;
  return startGateway({ ...config, upstreams });
}

const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).toSorted();
let shown = 0;
for (const name of names) {
  const examples = shownIn(Deno.readTextFileSync(new URL(name, FOLDER)));
  if (examples.length === 0) continue;
  shown++;
  Deno.test(`examples/asyncio/${name} answers as it says`, async () => {
    await using samples = await serveSamples({
      ports: { countries: 0, holidays: 0, timeZones: 0, mirror: 0 },
    });
    await using gateway = await startExample(name, samples.urls.countries);
    for (const { commands, answer } of examples) {
      let text = "";
      for (const command of commands) {
        const { path, init } = parseCurl(command);
        text = await (await ask(gateway.url + path, init)).text();
      }
      if (answer.startsWith('{"part"')) assertEquals(text, answer);
      else assertEquals(parse(text), parse(answer), text);
    }
  });
}

Deno.test("every example of asyncio shows what it does", () => {
  assert(shown >= 17, `${shown} of ${names.length}`);
});

Deno.test({
  name: "100 URLs are asked for one by one, all at once, or ten at a time",
  // The example's API is its own, and ends with its process.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    await using gateway = await startExample("hundred_urls.ts", "");
    const ids = Array.from({ length: 100 }, (_, id) => id);
    const ways = { "one-by-one": 1, "all-at-once": 100, "ten-at-a-time": 10 };
    for (const [path, most] of Object.entries(ways)) {
      const response = await ask(`${gateway.url}/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ids }),
      });
      assertEquals((await readEnvelope(response)).data.all, ids.map((id) => `/${id}`));
      const seen = await readEnvelope(await ask(`${gateway.url}/most`));
      // Opening a hundred connections takes a busy machine longer than a response.
      const atOnce = Number(seen.data.most);
      assert(atOnce > most * 0.8 && atOnce <= most, `${atOnce} of ${most}`);
    }
  },
});

Deno.test("a response in progress at SIGTERM is completed", async () => {
  const config = new URL("graceful_shutdown.ts", FOLDER).pathname;
  await using program = await startProgram({ flags: ["--config", config] });
  const answer = ask(`${program.url}/slow`);
  await new Promise((resolve) => setTimeout(resolve, 100));
  program.signal("SIGTERM");
  assertEquals((await readEnvelope(await answer)).data, { it: "done" });
  assertEquals(await program.ended(), 0);
});
