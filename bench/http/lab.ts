import { type Pin, pinTo } from "./child.ts";

/** Where the contestants find their upstreams, and what a run has on this machine. */
export interface Lab {
  /** A folder for configs, stores and builds; removed at the end. */
  readonly folder: string;
  /** Three ports of one nginx with the documents, and one upstream that takes 50 ms. */
  readonly upstreams: readonly [number, number, number];
  readonly slowUpstream: number;
}

/** A program that a contestant needs and this machine does not have; the contestant is skipped. */
export class MissingError extends Error {
  override readonly name = "MissingError";
}

/** The cores of contestants and of the load with its upstreams; none when they cannot be pinned. */
export interface Cores {
  readonly contestant: number | undefined;
  readonly pinContestant: Pin;
  readonly pinLoad: Pin;
}

/** Core 0 for contestants, core 1 for all else, where there are two cores and taskset. */
export async function assignCores(): Promise<Cores> {
  const canPin = navigator.hardwareConcurrency > 1 && await has("taskset", "--version");
  return {
    contestant: canPin ? 0 : undefined,
    pinContestant: pinTo(canPin ? 0 : undefined),
    pinLoad: pinTo(canPin ? 1 : undefined),
  };
}

/** Whether a program can be started. */
export async function has(command: string, ...args: string[]): Promise<boolean> {
  try {
    await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Runs a program to its end.
 * @throws {MissingError} when it is not installed, or fails
 */
export async function build(command: string, args: string[], cwd: string): Promise<void> {
  if (!await has(command, "--help")) throw new MissingError(`${command} is not installed`);
  const { success, stderr } = await new Deno.Command(command, { args, cwd, stdout: "null" })
    .output();
  if (success) return;
  const [reason = ""] = new TextDecoder().decode(stderr).trim().split("\n").slice(-1);
  throw new MissingError(`${command} ${args[0]} failed: ${reason}`);
}

/** A file of the bench. */
export function benchFile(name: string): string {
  return new URL(name, import.meta.url).pathname;
}
