import { assert, assertEquals, assertMatch } from "@std/assert";
import { HAS_NPM } from "../support/has_npm.ts";
import { ask, readEnvelope } from "../support/responses.ts";
import { TestFolder, until } from "../support/program.ts";

const CHECKOUT = new URL("../../", import.meta.url).pathname;

/** A config with a mistake that an editor shows. */
const WRONG = `import { defineGateway } from "sluice";
export default defineGateway({ upstreams: { a: { url: "http://a", timeout: "soon" } }, routes: {} });
`;

/** What a task wrote, and how it ended. */
interface Ended {
  readonly code: number;
  readonly output: string;
}

/** `deno task init …` in this repository, as if it were asked for in a folder. */
async function init(from: string, ...args: string[]): Promise<Ended> {
  return await run(CHECKOUT, ["task", "init", ...args], { INIT_CWD: from });
}

async function run(
  cwd: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

const NAME = `init: from an empty folder a newcomer has a gateway that responds${
  HAS_NPM ? "" : " (npm is missing)"
}`;
Deno.test({ name: NAME, ignore: !HAS_NPM }, async () => {
  await using folder = await TestFolder.make({});
  const { code, output } = await init(folder.path, "my gateway");
  assertEquals(code, 0, output);
  assertMatch(output, /wrote my gateway\/gateway\.config\.ts\n/);
  assertMatch(output, /cd my gateway\n {2}deno task dev\n {2}curl http:\/\/127\.0\.0\.1:8000/);

  // It holds all that it needs: it can be copied to another machine.
  const mine = folder.file("copied");
  await Deno.rename(folder.file("my gateway"), mine);
  const checked = await run(mine, ["task", "check"]);
  assertEquals(checked.code, 0, checked.output);
  assertMatch(checked.output, /GET \/home\/:id/);
  const tested = await run(mine, ["task", "test"]);
  assertEquals(tested.code, 0, tested.output);
  assertMatch(tested.output, /2 passed/);
  await Deno.writeTextFile(`${mine}/wrong.ts`, WRONG);
  const wrong = await run(mine, ["check", "wrong.ts"]);
  assertMatch(wrong.output, /"soon"' is not assignable/);

  const docker = await Deno.readTextFile(`${mine}/Dockerfile`);
  const command: string[] = JSON.parse(/^CMD (.*)$/m.exec(docker)?.[1] ?? "");
  const child = new Deno.Command(Deno.execPath(), {
    args: command,
    cwd: mine,
    env: { PORT: "0", NO_COLOR: "1" },
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let said = "";
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) said += text;
  })();
  const url = () => /listening on (\S+)/.exec(said)?.[1];
  await until(() => url() !== undefined, `it listens\n${said}`);
  const { data } = await readEnvelope(await ask(`${url()}/home/7`));
  assertEquals(data.user, { id: "7", name: "Ada" });
  const health: string[] = JSON.parse(/HEALTHCHECK .*? CMD (.*)$/m.exec(docker)?.[1] ?? "");
  const port = new URL(url() ?? "").port;
  assertEquals((await run(mine, health.slice(1), { PORT: port })).code, 0);
  child.kill("SIGTERM");
  await Promise.all([child.status, reading]);
  assert((await Deno.stat(`${mine}/data/gateway.kv`)).isFile, "its store is in its own folder");
});

Deno.test("init: an existing file is not overwritten, and nothing else is written", async () => {
  for (const file of ["gateway.config.ts", "deno.json"]) {
    await using folder = await TestFolder.make({ [file]: "mine" });
    const { code, output } = await init(folder.path);
    assertEquals(code, 1);
    assertMatch(
      output,
      new RegExp(`^${file} already exists; choose another`, "m"),
    );
    const names = [...Deno.readDirSync(folder.path)].map(({ name }) => name);
    assertEquals(names, [file]);
    assertEquals(await Deno.readTextFile(folder.file(file)), "mine");
  }
});

Deno.test("init: a second time, a wrong flag, a file in the folder's place: one clear error each", async () => {
  await using folder = await TestFolder.make({ file: "" });
  await Deno.mkdir(folder.file("new"));
  await Deno.writeTextFile(folder.file("new/gateway.config.ts"), "mine");
  for (
    const [args, told] of [
      [["new"], /^new\/gateway\.config\.ts already exists/m],
      [["--force"], /^usage: deno task init \[FOLDER\]$/m],
      [["one", "two"], /^usage: deno task init \[FOLDER\]$/m],
      [["file"], /^cannot (?:write into|look at) \S*file/m],
    ] as const
  ) {
    const { code, output } = await init(folder.path, ...args);
    assertEquals(code, 1, output);
    assertMatch(output, told);
    assert(!output.includes("    at "), output);
  }
});
