import { delay } from "@std/async";
import type { Handler } from "./handler.ts";

/** Lets a handler respond `ms` milliseconds later, unless its caller leaves before. */
export function withLatency(handler: Handler, ms: number): Handler {
  if (ms === 0) return handler;
  return async (request) => {
    await delay(ms, { signal: request.signal });
    return handler(request);
  };
}
