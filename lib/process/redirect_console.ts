import { format } from "node:util";
import type { Output } from "./output.ts";

/**
 * Redirects `console` to the program's output: `console` itself blocks on a slow reader, and every
 * request with it.
 */
export function redirectConsole({ line, error }: Pick<Output, "line" | "error">): void {
  const toOutput = (...values: unknown[]) => line(format(...values));
  const toErrors = (...values: unknown[]) => error(format(...values));
  Object.assign(console, {
    log: toOutput,
    info: toOutput,
    debug: toOutput,
    warn: toErrors,
    error: toErrors,
  });
}
