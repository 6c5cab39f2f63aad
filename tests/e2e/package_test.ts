import { assert, assertEquals, assertMatch } from "@std/assert";
import { buildNpm } from "../../tools/build_npm.ts";
import { HAS_NPM } from "../support/has_npm.ts";
import { TestFolder, until } from "../support/program.ts";

const STARTED = /listening on (\S+)/;

/** A program that runs in a folder, with a home of its own. */
class Running implements AsyncDisposable {
  said = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;

  constructor(readonly folder: TestFolder, cwd: string, program: string, args: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      cwd,
      // Tasks set INIT_CWD, also for what they start.
      env: {
        INIT_CWD: "/",
        HOME: folder.path,
        PORT: "0",
        NO_COLOR: "1",
        npm_config_update_notifier: "false",
      },
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.said += text;
    };
    this.#reading = Promise.all([read(this.#child.stdout), read(this.#child.stderr)]);
  }

  async listening(): Promise<string> {
    await until(() => STARTED.test(this.said), `it listens\n${this.said}`);
    return STARTED.exec(this.said)?.[1] ?? "";
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<number> {
    const [{ code }] = await Promise.all([this.#child.status, this.#reading]);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.ended();
  }
}

async function npm(folder: TestFolder, cwd: string, ...args: string[]): Promise<string> {
  await using running = new Running(folder, cwd, "npm", args);
  assertEquals(await running.ended(), 0, running.said);
  return running.said;
}

async function isFree(url: string): Promise<boolean> {
  try {
    await (await fetch(url)).body?.cancel();
    return false;
  } catch {
    return true;
  }
}

const NAME =
  `the npm package: installed from its tarball, it makes a folder and runs it, and leaves nothing${
    HAS_NPM ? "" : " (npm is missing)"
  }`;
Deno.test({ name: NAME, ignore: !HAS_NPM }, async () => {
  await using folder = await TestFolder.make({});
  const built = folder.file("package");
  await buildNpm(built);
  const packed = await npm(folder, built, "pack", "--silent");
  const tarball = `${built}/${packed.trim().split("\n").at(-1)}`;
  const user = folder.file("user");
  await Deno.mkdir(user);
  await Deno.writeTextFile(`${user}/package.json`, "{}");
  await npm(folder, user, "install", "--no-audit", "--no-fund", tarball);
  const sluice = `${user}/node_modules/.bin/sluice`;

  await using init = new Running(folder, user, sluice, ["init", "mine"]);
  assertEquals(await init.ended(), 0, init.said);
  const mine = `${user}/mine`;

  // A folder with a deno.json has its own gateway; one without gets the package's.
  await Deno.mkdir(`${user}/plain`);
  await Deno.copyFile(`${mine}/gateway.config.ts`, `${user}/plain/gateway.config.ts`);
  for (const cwd of [mine, `${user}/plain`]) {
    await using running = new Running(folder, cwd, sluice, []);
    const url = await running.listening();
    const response = await fetch(`${url}/home/7`);
    assertEquals((await response.json()).data.user, { id: "7", name: "Ada" });
    running.kill("SIGTERM");
    assertEquals(await running.ended(), 0, running.said);
    assert(await isFree(url), "its port is free");
  }

  // Killed outright, as npx does with what it has started, it takes the gateway with it.
  await using npx = new Running(folder, `${user}/plain`, "sh", ["-c", `"${sluice}"; true`]);
  const url = await npx.listening();
  npx.kill("SIGKILL");
  await until(() => isFree(url), "the gateway ends with what started it");

  await using empty = new Running(folder, built, sluice, []);
  assertEquals(await empty.ended(), 1);
  assertMatch(empty.said, /there is no gateway\.config\.ts in this folder/);
});
