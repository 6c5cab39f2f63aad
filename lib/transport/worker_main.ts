import { parentPort, workerData } from "node:worker_threads";
import type { Bytes } from "../core/bytes.ts";
import { writeJson } from "../json/write_json.ts";

/** A message to a worker thread: the function's input as JSON, or an abort. */
export type WorkerRequest = { readonly input: string } | "abort";

/** A message from a worker thread: the result as JSON, or the error, for the log. */
export type WorkerReply =
  | { readonly result: Bytes }
  | { readonly failure: WorkerFailure; readonly reason: string };

/** Why a call failed. */
export type WorkerFailure = "not-loaded" | "threw" | "not-json";

type Work = (input: unknown, options: { readonly signal: AbortSignal }) => unknown;

// This runs in the worker thread; the gateway only imports the types above.

let running = new AbortController();
const loading = load(workerData);
loading.catch(() => {}); // reported to each call

parentPort?.on("message", async (request: WorkerRequest) => {
  if (request === "abort") return running.abort();
  running = new AbortController();
  const reply = await replyTo(request.input, running.signal);
  parentPort?.postMessage(reply, "result" in reply ? [reply.result.buffer] : []);
});

async function load(module: string): Promise<Work> {
  const { default: work }: { default?: unknown } = await import(module);
  if (typeof work !== "function") throw new Error("its default export is not a function");
  return (input, options) => work(input, options);
}

async function replyTo(input: string, signal: AbortSignal): Promise<WorkerReply> {
  let work: Work;
  try {
    work = await loading;
  } catch (error) {
    return { failure: "not-loaded", reason: reasonOf(error) };
  }
  let result: unknown;
  try {
    result = await work(JSON.parse(input), { signal });
  } catch (error) {
    return { failure: "threw", reason: reasonOf(error) };
  }
  try {
    const json = writeJson(result === undefined ? null : result);
    if (json === undefined) throw new TypeError(`a ${typeof result} is not JSON`);
    return { result: new TextEncoder().encode(json) };
  } catch (error) {
    return { failure: "not-json", reason: reasonOf(error) };
  }
}

/** Converts an exception to text, because it may not be serializable. */
function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.stack ?? error.message : String(error);
  } catch {
    return "an exception that cannot be described";
  }
}
