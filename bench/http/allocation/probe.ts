import { getHeapStatistics } from "node:v8";

/** What a process has allocated since its start, and what is alive, in bytes. */
export interface Memory {
  /** Everything that the JavaScript heap has handed out. */
  readonly allocated: number;
  /**
   * Reachable on the JavaScript heap after a collection. The buffers outside of it are those of
   * connections, which have other ones while they are idle.
   */
  readonly alive: number;
}

/**
 * Preloaded into a program (`deno run --preload`), reports the process's memory on a port of its own,
 * MEMORY_PROBE_PORT. Needs `--v8-flags=--expose-gc`.
 */
const server = Deno.serve(
  { port: Number(Deno.env.get("MEMORY_PROBE_PORT")), hostname: "127.0.0.1", onListen() {} },
  () => Response.json(readMemory()),
);
// The program starts once nothing keeps the preloaded module going.
server.unref();

function readMemory(): Memory {
  const allocated: unknown = Reflect.get(getHeapStatistics(), "total_allocated_bytes");
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof allocated !== "number" || typeof collect !== "function") {
    throw new Error("V8 does not report allocations, or --expose-gc is missing");
  }
  collect();
  return { allocated, alive: Deno.memoryUsage().heapUsed };
}
