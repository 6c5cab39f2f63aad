import { delay } from "@std/async";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { Dev, stillRunning } from "../support/dev.ts";
import { DenoProcess, TestFolder, until } from "../support/program.ts";

function isFree(port: number): boolean {
  try {
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

async function hasNode(): Promise<boolean> {
  const node = new Deno.Command("node", { args: ["--version"], stdout: "null" });
  return await node.output().then(({ success }) => success, () => false);
}

/** What the gateway says of Iceland; undefined before it listens. */
async function country(dev: Dev) {
  const url = dev.url("listening");
  return url === undefined ? undefined : await askJson(`${url}/country/IS?year=2026`);
}

async function askJson(url: string) {
  try {
    const response = await fetch(url);
    return await response.json();
  } catch {
    return undefined; // nobody listens yet
  }
}

/** Waits until the demo runs. @returns its processes and ports */
async function started(dev: Dev) {
  await until(async () => (await country(dev))?.complete === true, "a complete answer");
  const { ports } = dev;
  assertEquals(ports.length, 5);
  const processes = await dev.processes();
  assertGreaterOrEqual(processes.length, 2, dev.output);
  return { ports, processes };
}

/** Waits until all processes have ended, and checks that their ports are free. */
async function nothingIsLeft(
  dev: Dev,
  { ports, processes }: Awaited<ReturnType<typeof started>>,
  boundMs = 5_000,
) {
  await until(
    async () => (await stillRunning(processes)).length === 0,
    `all processes end\n${dev.output}`,
    boundMs,
  );
  assertEquals(ports.filter((port) => !isFree(port)), []);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`deno task dev: gateway and samples run, until ${signal} ends them all`, async () => {
    await using dev = new Dev();
    const all = await started(dev);
    dev.signal(signal);
    await nothingIsLeft(dev, all);
  });
}

Deno.test("deno task dev: a second Ctrl-C ends a gateway that does not stop, quietly", async () => {
  await using dev = new Dev();
  const all = await started(dev);
  const before = dev.output;
  const gateway = all.processes.at(-1) ?? 0;
  Deno.kill(gateway, "SIGSTOP"); // it neither sees a signal nor ends
  dev.signal("SIGINT");
  await delay(600);
  assert((await stillRunning(all.processes)).includes(gateway));
  dev.signal("SIGINT");
  await nothingIsLeft(dev, all, 2_000); // earlier than without the second
  assertEquals(dev.output.slice(before.length), "");
});

Deno.test({
  name: "npx deno task dev: SIGTERM, which npm's script does not pass on, leaves nothing behind",
  ignore: !await hasNode(),
  async fn() {
    // As npm's package `deno` starts it.
    const script = 'require("child_process")' +
      '.spawnSync(process.argv[1], process.argv.slice(2), { stdio: "inherit" })';
    await using dev = new Dev({ shell: `exec node -e '${script}' "$0" "$@"` });
    const all = await started(dev);
    dev.signal("SIGTERM");
    await nothingIsLeft(dev, all);
  },
});

Deno.test("deno task dev: a mistake in the config is printed, and the last good one serves", async () => {
  await using folder = await TestFolder.withProgram("examples", "docs");
  await using dev = new Dev({ cwd: folder.path });
  await started(dev);
  const config = await Deno.readTextFile(folder.file("gateway.config.ts"));
  await folder.write("gateway.config.ts", config.replace('from: "holidays"', 'from: "hollidays"'));
  await until(() => dev.output.includes("not reloaded"), "the mistake is told");
  assertStringIncludes(dev.output, 'must be the name of an upstream; got \\"hollidays\\"');
  assertEquals((await country(dev))?.complete, true);
  await folder.write("gateway.config.ts", config.replaceAll("/country/:code", "/land/:code"));
  await until(() => dev.output.includes("reloaded: "), "it is fixed");
  assertEquals((await country(dev))?.status, 404);
});

Deno.test("deno task dev: an edit of the gateway's own modules starts it again", async () => {
  await using folder = await TestFolder.withProgram("examples", "docs");
  await using dev = new Dev({ cwd: folder.path });
  await started(dev);
  const main = await Deno.readTextFile(folder.file("main.ts"));
  await folder.write("main.ts", `console.log("edited");\n${main}`);
  await dev.wrote(/^edited\n[^]*listening on/m);
});

Deno.test({
  name: `deno task dev: a sample that hangs leaves an answer without it`,
  async fn() {
    await using dev = new Dev();
    await until(async () => (await country(dev))?.complete === true, "a complete answer");
    const mood = await fetch(`${dev.url("sample holidays")}/be/hanging`, { method: "POST" });
    await mood.body?.cancel();

    const { complete, data, problems } = await country(dev);
    assertEquals([complete, data.country.name, data.holidays], [false, "Iceland", null]);
    assertEquals(
      problems.map(({ part, status, type }: Record<string, unknown>) => [part, status, type]),
      [["holidays", 504, "/_gateway/problems/upstream-timeout"]],
    );
  },
});

function configWithRoute(key: string): string {
  return `
    import { defineGateway, json } from "sluice";
    export default defineGateway({
      store: ":memory:",
      upstreams: { it: { source: () => Promise.resolve(json("here")) } },
      routes: { "${key}": { gather: { it: { from: "it" } } } },
    });
  `;
}

/** The program as `deno task dev` runs it, in a folder whose files a test may change. */
class Watched extends DenoProcess {
  constructor(folder: TestFolder) {
    super(
      ["run", "--watch", "--allow-net", "--allow-env", "--allow-read", "--allow-write", "main.ts"],
      { cwd: folder.path, env: { PORT: "0", NO_COLOR: "1" } },
    );
  }

  /** Waits until a path answers, wherever it listens by now. */
  async untilAnswers(path: string): Promise<void> {
    await until(async () => {
      const url = [...this.stdout.matchAll(/^listening on (http:\S+)$/gm)].at(-1)?.[1];
      return url !== undefined && (await askJson(url + path))?.data?.it === "here";
    }, `${path} answers`);
  }
}

Deno.test("--watch: an added route responds without a restart by hand", async () => {
  await using folder = await TestFolder.withProgram();
  await folder.write("gateway.config.ts", configWithRoute("GET /old"));
  await using program = new Watched(folder);
  await program.untilAnswers("/old");
  await folder.write("gateway.config.ts", configWithRoute("GET /new"));
  await program.untilAnswers("/new");
});

Deno.test("--watch: a mistake in the config is reported, and fixed by the next edit", async () => {
  await using folder = await TestFolder.withProgram();
  await folder.write("gateway.config.ts", configWithRoute("GET /old"));
  await using program = new Watched(folder);
  await program.untilAnswers("/old");
  await folder.write("gateway.config.ts", configWithRoute("GETT /new"));
  await until(() => program.stderr.includes("exit code 1"), "the mistake is told");
  assertStringIncludes(program.stderr, 'routes["GETT /new"]: must start with one of GET');
  assertMatch(program.stderr, /Restarting on file change/);
  await folder.write("gateway.config.ts", configWithRoute("GET /new"));
  await program.untilAnswers("/new");
});
