import type { SharedCalls } from "./shared_calls.ts";
import type { Call, Policy } from "../../core/source.ts";

/** Which calls are asked once for all. */
export interface CoalesceOptions {
  /** The calls to the upstream that are under way, shared by all that ask it. */
  readonly calls: SharedCalls;
  /** Says what the policies inside do with a call; an answer is shared within one scope only. */
  readonly scope: string;
}

/** RFC 9110 section 9.2.1, but for TRACE, which fetch does not send. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Asks once when a client asks the same several times at once: all get the one reply, whose body
 * must be complete, or the one error. The call goes on as long as somebody waits for it; each waits
 * only as long as its own request may take. Calls that are not safe, or send a body, pass through.
 */
export function coalesce({ calls: flights, scope }: CoalesceOptions): Policy {
  return (next) =>
    function coalesce(call, ctx) {
      return isShareable(call) ? flights.call(scope, call, ctx, next) : next(call, ctx);
    };
}

function isShareable({ method, body }: Call): boolean {
  return body === undefined && SAFE.has(method);
}
