import type { Worker } from "node:worker_threads";
import type { Bytes } from "../core/bytes.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError, type Kind } from "../core/errors.ts";
import { isRecord } from "../core/is_record.ts";
import type { WorkerFailure, WorkerReply, WorkerRequest } from "./worker_main.ts";

/** Options of {@linkcode WorkerThread}. */
export interface WorkerThreadOptions {
  /** The module whose default export it calls. */
  readonly module: URL;
  /** Maximum heap (bytes). */
  readonly heapBytes: number;
  /** Grace period after an abort, before the thread is terminated (ms). */
  readonly graceMs: number;
  readonly clock: Clock;
  /** Called with the reason when a thread ends between calls. */
  readonly onError: (error: unknown) => void;
}

const MIB = 1024 * 1024;

const FAILURES: Record<WorkerFailure, { readonly kind: Kind; readonly detail: string }> = {
  "not-loaded": { kind: "upstream-unreachable", detail: "the worker's module cannot be used" },
  "threw": { kind: "upstream-error", detail: "the worker's function failed" },
  "not-json": { kind: "upstream-invalid", detail: "the worker's function gave no JSON" },
};

/** A thread with its own heap that runs one module's function, one call at a time. */
export class WorkerThread {
  readonly #worker: Worker;
  readonly #options: WorkerThreadOptions;
  readonly #exit = Promise.withResolvers<void>();
  #call: PromiseWithResolvers<Bytes> | undefined;
  /** Why it ends or ended. */
  #error: unknown;
  #isEnded = false;

  private constructor(worker: Worker, options: WorkerThreadOptions) {
    this.#worker = worker;
    this.#options = options;
    worker.on("message", (message: unknown) => {
      if (isReply(message)) this.#take(message); // the module may post anything
    });
    worker.on("error", (error: unknown) => this.#error ??= error);
    worker.on("exit", (code: number) => this.#exited(code));
  }

  /**
   * Starts a thread. Node's worker threads, unlike Web Workers, can limit the heap, and exceeding
   * the limit terminates only the thread, not the process.
   */
  static async start(options: WorkerThreadOptions): Promise<WorkerThread> {
    const { Worker } = await import("node:worker_threads");
    const worker = new Worker(new URL("./worker_main.ts", import.meta.url), {
      workerData: options.module.href,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(options.heapBytes / MIB) },
    });
    return new WorkerThread(worker, options);
  }

  /** Whether it accepts no more calls. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Resolves when it has ended. */
  get ended(): Promise<void> {
    return this.#exit.promise;
  }

  /**
   * Calls the function; the result is JSON. It settles once the function has returned or the thread
   * has ended, even after an abort.
   * Rejects with `upstream-error` if the function throws, `upstream-invalid` if its result is not
   * JSON,
   * `upstream-unreachable` if the module does not load or the thread ends.
   * @param input JSON
   */
  async call(input: string, signal: AbortSignal): Promise<Bytes> {
    signal.throwIfAborted();
    if (this.#isEnded) throw this.#unreachable();
    const call = this.#call = Promise.withResolvers<Bytes>();
    const settled = new AbortController();
    const { clock, graceMs } = this.#options;
    const abort = () => {
      this.#post("abort");
      clock.sleep(graceMs, settled.signal).then(() => this.end(), () => {});
    };
    signal.addEventListener("abort", abort, { once: true });
    try {
      this.#post({ input });
      return await call.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      settled.abort();
      this.#call = undefined;
    }
  }

  /** Terminates it. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#worker.terminate();
    await this.ended;
  }

  #post(request: WorkerRequest): void {
    if (!this.#isEnded) this.#worker.postMessage(request);
  }

  #take(reply: WorkerReply): void {
    if ("result" in reply) return this.#call?.resolve(reply.result);
    const { kind, detail } = FAILURES[reply.failure];
    this.#call?.reject(new GatewayError(kind, detail, { cause: reply.reason }));
    // A module that failed to load may load in another thread.
    if (reply.failure === "not-loaded") this.end();
  }

  #exited(code: number): void {
    this.#isEnded = true;
    this.#exit.resolve();
    if (!this.#call && this.#error !== undefined) this.#options.onError(this.#error);
    this.#error ??= new Error(`the thread ended with code ${code}`);
    this.#call?.reject(this.#unreachable());
  }

  #unreachable(): GatewayError {
    const detail = "the worker ended before it returned a result";
    return new GatewayError("upstream-unreachable", detail, { cause: this.#error });
  }
}

function isReply(message: unknown): message is WorkerReply {
  if (!isRecord(message)) return false;
  return message.result instanceof Uint8Array ||
    typeof message.failure === "string" && Object.hasOwn(FAILURES, message.failure);
}
