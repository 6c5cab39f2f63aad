import { DenoProcess, type Surroundings } from "./program.ts";

const REPOSITORY = new URL("../../", import.meta.url).pathname;

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
export async function stillRunning(pids: readonly number[]): Promise<number[]> {
  const trees = await Promise.all(pids.map(processesOf));
  return [...new Set(trees.flat())];
}

/** `deno task dev` and all that it started. Disposing of it ends what is left of them. */
export class Dev extends DenoProcess {
  #pids: number[] = [];

  /** @param surroundings by default it runs in the project's own folder */
  constructor(surroundings: Partial<Surroundings> = {}) {
    super(["task", "dev"], {
      cwd: REPOSITORY,
      ...surroundings,
      env: { GATEWAY_STORE: ":memory:", PORT: "0", SAMPLE_PORT: "0", NO_COLOR: "1" },
    });
  }

  /** Where the gateway listens, or a sample: `listening`, `sample holidays`. */
  url(what: string): string | undefined {
    return new RegExp(`^${what} on (\\S+)$`, "m").exec(this.stdout)?.[1];
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
