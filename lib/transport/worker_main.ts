import { parentPort, workerData } from "node:worker_threads";
import type { Bytes } from "../core/bytes.ts";
import { writeJson } from "../json/write_json.ts";

/** What a worker thread is asked: its function's input as JSON, or to abort what it does. */
export type WorkerRequest = { readonly input: string } | "abort";

/** What it answers: the result as JSON, or why there is none, in words for the log. */
export type WorkerReply =
  | { readonly result: Bytes }
  | { readonly failure: WorkerFailure; readonly reason: string };

/** Why a call has no result. */
export type WorkerFailure = "not-loaded" | "threw" | "not-json";

type Work = (input: unknown, options: { readonly signal: AbortSignal }) => unknown;

// This runs in the worker thread; all that the gateway takes of it are the types above.

let running = new AbortController();
const loading = load(workerData);
loading.catch(() => {}); // whoever asks is told

parentPort?.on("message", async (request: WorkerRequest) => {
  if (request === "abort") return running.abort();
  running = new AbortController();
  const reply = await answer(request.input, running.signal);
  parentPort?.postMessage(reply, "result" in reply ? [reply.result.buffer] : []);
});

async function load(module: string): Promise<Work> {
  const { default: work }: { default?: unknown } = await import(module);
  if (typeof work !== "function") throw new Error("its default export is not a function");
  return (input, options) => work(input, options);
}

async function answer(input: string, signal: AbortSignal): Promise<WorkerReply> {
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

/** In words, since what was thrown may be nothing that can be sent. */
function reasonOf(error: unknown): string {
  try {
    return error instanceof Error ? error.stack ?? error.message : String(error);
  } catch {
    return "something that cannot be told";
  }
}
