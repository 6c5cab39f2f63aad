import { delay } from "@std/async";
import { json, type Source } from "sluice";

/** A source that answers with a value after so many ms, and stops when it is no longer wanted. */
export function after(ms: number, value: unknown): Source {
  return async (_call, { signal }) => {
    await delay(ms, { signal });
    return json(value);
  };
}
