import type { ReadFigures } from "../observe/metrics/registry.ts";

/** Tells the memory, CPU time and versions of the process. */
export const processFigures: ReadFigures = (set) => {
  const { rss, heapUsed } = Deno.memoryUsage();
  const { user, system } = process.cpuUsage();
  set("process_resident_memory_bytes", [], rss);
  set("sluice_heap_used_bytes", [], heapUsed);
  set("process_cpu_seconds_total", [], (user + system) / 1_000_000);
  set("process_start_time_seconds", [], performance.timeOrigin / 1000);
  set("sluice_build_info", [Deno.version.deno, Deno.version.v8], 1);
};
