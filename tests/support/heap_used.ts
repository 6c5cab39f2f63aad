import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** The heap after a garbage collection (bytes). */
export function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  const gc: unknown = runInNewContext("gc");
  if (typeof gc !== "function") throw new Error("run it with --v8-flags=--expose-gc");
  for (let turn = 0; turn < 3; turn++) gc();
  return Deno.memoryUsage().heapUsed;
}
