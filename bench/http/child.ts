import { delay } from "@std/async";

const START_MS = 20_000;
const STOP_MS = 6_000;

/** A program to start. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process of the bench that listens on a port. */
export class Child implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #process: Deno.ChildProcess;

  private constructor(process: Deno.ChildProcess, port: number) {
    this.#process = process;
    this.pid = process.pid;
    this.port = port;
  }

  /**
   * Starts a program and waits until it listens.
   * @throws {Error} when it ends instead, or does not listen within 20 s
   */
  static async start(program: Program, port: number, pin: Pin = pinTo(undefined)): Promise<Child> {
    const { command, args, cwd, env } = pin(program);
    const process = new Deno.Command(command, {
      args: [...args],
      ...(cwd !== undefined && { cwd }),
      ...(env && { env }),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const child = new Child(process, port);
    const ended = process.status.then(({ code }) => {
      throw new Error(`${program.command} ${program.args.join(" ")} ended with ${code}`);
    });
    try {
      await Promise.race([listening(port), ended]);
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
    ended.catch(() => {}); // stopped later, on purpose
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const kill = (signal: Deno.Signal) => {
      try {
        this.#process.kill(signal);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
    };
    kill("SIGTERM");
    const timer = setTimeout(() => kill("SIGKILL"), STOP_MS);
    await this.#process.status;
    clearTimeout(timer);
  }
}

/** Puts a program on its core. */
export type Pin = (program: Program) => Program;

/** Pins by taskset, which replaces itself by the program, so the process id is the program's. */
export function pinTo(core: number | undefined): Pin {
  return (program) =>
    core === undefined ? program : {
      ...program,
      command: "taskset",
      args: ["-c", String(core), program.command, ...program.args],
    };
}

/** A port that is free now. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function listening(port: number): Promise<void> {
  const end = performance.now() + START_MS;
  while (true) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await delay(20);
    }
  }
}
