import { delay } from "@std/async";
import { json, type Source } from "sluice";

/** A source that returns a value after `ms` milliseconds, and stops when it is cancelled. */
export function after(ms: number, value: unknown): Source {
  return async (_call, { signal }) => {
    await delay(ms, { signal });
    return json(value);
  };
}
