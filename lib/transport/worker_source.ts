import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { inputOf } from "../config/input_path.ts";
import type { OpenedSettings, WorkerSettings } from "../config/upstream.ts";
import { toGatewayError } from "../core/errors.ts";
import type { Call, Context, Reply } from "../core/source.ts";
import { WorkerPool } from "./worker_pool.ts";

/** What workers need besides their settings. */
export interface WorkerSourceOptions {
  readonly clock: Clock;
  /** Told why a call failed, which its client is not, or a thread ended between calls. */
  readonly onError: (error: unknown) => void;
}

/** A module's function as something that is kept open: a pool of threads that run it. */
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
      const body = Body.of(await pool.ask(inputOf(path), signal));
      return { status: 200, headers: new Headers({ "content-type": "application/json" }), body };
    } catch (error) {
      if (!signal.aborted) onError(toGatewayError(error).cause ?? error);
      throw error;
    }
  }
  return { open: () => pool, openAt: "use", source, close: () => pool.end() };
}
