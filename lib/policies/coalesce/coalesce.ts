import type { WaitRecorder } from "../../observe/wait_recorder.ts";
import { isSafe } from "../../core/is_safe.ts";
import type { SharedCalls } from "./shared_calls.ts";
import type { Call, Policy } from "../../core/source.ts";

/** Which calls share one. */
export interface CoalesceOptions {
  /** The upstream's running calls, shared by all of its callers. */
  readonly calls: SharedCalls;
  /** Identifies what the inner policies do with a call; replies are shared within a scope only. */
  readonly scope: string;
  /** Records waits for calls of others; absent while nobody observes. */
  readonly waits?: WaitRecorder | undefined;
}

/**
 * Makes one call for identical concurrent calls of a client (request coalescing, single-flight): all
 * callers get the one reply, whose body must be buffered, or the one error. The call goes on while
 * anyone waits for it; each caller waits until its own deadline. Calls that are not safe pass through,
 * and those with a body that nothing identifies.
 */
export function coalesce({ calls, scope, waits }: CoalesceOptions): Policy {
  return (next) =>
    function coalesce(call, ctx) {
      return isShareable(call) ? calls.call(scope, call, ctx, next, waits) : next(call, ctx);
    };
}

function isShareable(call: Call): boolean {
  return (call.body === undefined || call.contentKey !== undefined) && isSafe(call);
}
