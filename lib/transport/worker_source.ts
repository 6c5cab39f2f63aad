import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { inputOf } from "../config/input_path.ts";
import type { OpenedSettings, WorkerSettings } from "../config/upstream.ts";
import { toGatewayError } from "../core/errors.ts";
import type { Call, Context, Reply } from "../core/source.ts";
import { WorkerPool } from "./worker_pool.ts";

/** Dependencies of worker sources, besides their settings. */
export interface WorkerSourceOptions {
  readonly clock: Clock;
  /**
   * Called with the error of a failed call, which clients do not see, or of a thread that ended
   * between calls.
   */
  readonly onError: (error: unknown) => void;
}

/** Creates a module's function as a resource: a pool of threads that run it. */
export function workerSource(
  { worker, heapBytes, concurrency }: WorkerSettings & {
    readonly concurrency: { readonly max: number };
  },
  { clock, onError }: WorkerSourceOptions,
): OpenedSettings {
  const pool = new WorkerPool({
    module: worker,
    heapBytes,
    max: concurrency.max,
    graceMs: DEFAULTS.workerGraceMs,
    idleMs: DEFAULTS.workerIdleMs,
    clock,
    onError,
  });
  async function source({ path }: Call, { signal }: Context): Promise<Reply> {
    try {
      const body = Body.of(await pool.call(inputOf(path), signal));
      return { status: 200, headers: new Headers({ "content-type": "application/json" }), body };
    } catch (error) {
      if (!signal.aborted) onError(toGatewayError(error).cause ?? error);
      throw error;
    }
  }
  return { open: () => pool, openAt: "use", source, close: () => pool.end() };
}
