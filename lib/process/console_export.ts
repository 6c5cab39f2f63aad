import type { Environment } from "../config/values.ts";

/**
 * What `console` does besides, or instead of, writing: Deno exports it to OpenTelemetry as logs.
 * `no`: nothing. `capture`: it writes and exports. `replace`: it exports and does not write.
 */
export type ConsoleExport = "no" | "capture" | "replace";

/** Reads how Deno was told to treat `console`, by `OTEL_DENO` and `OTEL_DENO_CONSOLE`. */
export function consoleExport(env: Environment): ConsoleExport {
  if (!/^(?:true|1)$/.test(env("OTEL_DENO") ?? "")) return "no";
  const console = env("OTEL_DENO_CONSOLE");
  if (console === "ignore" || env("OTEL_LOGS_EXPORTER") === "none") return "no";
  return console === "replace" ? "replace" : "capture";
}
