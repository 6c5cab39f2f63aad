import { DenoProcess } from "../support/program.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Counts } from "./upstream.ts";

const TOLD_ON = /^told on (http:\/\/\S+)$/m;

/** Upstreams to start, or to change, by name. */
export interface Command {
  readonly behaviours?: Behaviours;
}

/** How upstreams behave, by name. */
export type Behaviours = Readonly<Record<string, Behaviour>>;

/** Of each upstream, by name, its port and its counts. */
export type Reports = Readonly<Record<string, Counts & { readonly port: number }>>;

/** Upstreams in a process of their own. */
export class Upstreams implements AsyncDisposable {
  readonly #process: DenoProcess;
  readonly #url: string;

  private constructor(process: DenoProcess, url: string) {
    this.#process = process;
    this.#url = url;
  }

  /** Starts the process, with no upstream yet. */
  static async start(): Promise<Upstreams> {
    const script = new URL("upstream_process.ts", import.meta.url).pathname;
    const process = new DenoProcess(["run", "--allow-net", script], { cwd: Deno.cwd() });
    try {
      await process.wrote(TOLD_ON);
      return new Upstreams(process, TOLD_ON.exec(process.stdout)?.[1] ?? "");
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts upstreams, or changes how they behave; reports on all, and begins new peaks. */
  async tell(behaviours: Behaviours = {}): Promise<Reports> {
    const command: Command = { behaviours };
    const response = await fetch(this.#url, { method: "POST", body: JSON.stringify(command) });
    return await response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
