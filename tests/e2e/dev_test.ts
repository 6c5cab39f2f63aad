import { assertEquals, assertGreaterOrEqual, assertMatch, assertStringIncludes } from "@std/assert";
import { DenoProcess, TestFolder, until } from "../support/program.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;

function isFree(port: number): boolean {
  try {
    Deno.listen({ port, hostname: "127.0.0.1" }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Every process that descends from `pid`, itself among them, and has not ended. */
async function processesOf(pid: number): Promise<number[]> {
  const ps = new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,stat="] });
  const lines = new TextDecoder().decode((await ps.output()).stdout).trim().split("\n");
  const rows = lines.map((line) => line.trim().split(/\s+/)).filter(([, , stat]) =>
    !stat?.startsWith("Z")
  );
  const found = new Set([pid]);
  for (const parent of found) {
    for (const [child, ppid] of rows) if (Number(ppid) === parent) found.add(Number(child));
  }
  const alive = new Set(rows.map(([id]) => Number(id)));
  return [...found].filter((id) => alive.has(id));
}

/** Those of the processes that still run. */
async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const trees = await Promise.all(pids.map(processesOf));
  return [...new Set(trees.flat())];
}

/** `deno task dev` and all that it started. Disposing of it ends what is left of them. */
class Dev extends DenoProcess {
  #pids: number[] = [];

  constructor() {
    super(["task", "dev"], {
      cwd: REPOSITORY,
      env: { GATEWAY_STORE: ":memory:", PORT: "0", SAMPLE_PORT: "0", NO_COLOR: "1" },
    });
  }

  /** Where the gateway listens, or a sample: `listening`, `sample holidays`. */
  url(what: string): string | undefined {
    return new RegExp(`^${what} on (\\S+)$`, "m").exec(this.stdout)?.[1];
  }

  /** What the gateway says of Iceland; undefined before it listens. */
  async country() {
    const url = this.url("listening");
    return url === undefined ? undefined : await askJson(`${url}/country/IS?year=2026`);
  }

  /** The ports of the gateway and of the samples. */
  get ports(): number[] {
    return [...this.stdout.matchAll(/ on http:\/\/127\.0\.0\.1:(\d+)$/gm)].map(([, port]) =>
      Number(port)
    );
  }

  /** The task and all that it has started so far, whether or not they still run. */
  async processes(): Promise<readonly number[]> {
    const found = await stillRunning([this.pid, ...this.#pids]);
    this.#pids = [...new Set([...this.#pids, ...found])];
    return this.#pids;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of await stillRunning(await this.processes())) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It ended in the meantime.
      }
    }
    await super[Symbol.asyncDispose]();
  }
}

async function askJson(url: string) {
  try {
    const response = await fetch(url);
    return await response.json();
  } catch {
    return undefined; // nobody listens yet
  }
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name: `deno task dev: gateway and samples run, until ${signal} ends them all`,
    async fn() {
      await using dev = new Dev();
      await until(async () => (await dev.country())?.complete === true, "a complete answer");
      const { ports } = dev;
      assertEquals(ports.length, 4);
      const processes = await dev.processes();
      assertGreaterOrEqual(processes.length, 2, dev.output);

      dev.signal(signal);
      await until(
        async () => (await stillRunning(processes)).length === 0,
        `${signal} ends all processes\n${dev.output}`,
        5_000,
      );
      assertEquals(ports.filter((port) => !isFree(port)), []);
    },
  });
}

Deno.test({
  name: `deno task dev: a sample that hangs leaves an answer without it`,
  async fn() {
    await using dev = new Dev();
    await until(async () => (await dev.country())?.complete === true, "a complete answer");
    const mood = await fetch(`${dev.url("sample holidays")}/be/hanging`, { method: "POST" });
    await mood.body?.cancel();

    const { complete, data, problems } = await dev.country();
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
