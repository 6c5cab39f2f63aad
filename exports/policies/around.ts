import { Body } from "../../lib/core/body.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { guard, type Policy, type Source } from "../../lib/core/source.ts";
import { callContext, getCall } from "./call_context.ts";

/**
 * An async function that policies can be around. Its signal aborts when its result is no longer needed;
 * its arguments can be written as JSON.
 */
export type Work<Args extends readonly unknown[], Result> = (
  signal: AbortSignal,
  ...args: Args
) => Promise<Result>;

const NOTHING = new Uint8Array();

/**
 * Returns an async function with policies around it, the outermost first. An error that it throws
 * counts as a call that may succeed the next time; the caller gets that error, or a `GatewayError` of a
 * policy, whose `kind` says what happened.
 *
 * @example
 * ```ts
 * import { around, bulkhead, retry, timeout } from "sluice/policies";
 *
 * const load = around(
 *   async (signal, id: number) => await Promise.resolve({ id, isLate: signal.aborted }),
 *   retry({ attempts: 3 }),
 *   bulkhead(10),
 *   timeout("400ms"),
 * );
 * console.log(await load(7)); // { id: 7, isLate: false }
 * ```
 */
export function around<Args extends readonly unknown[], Result>(
  work: Work<Args, Result>,
  ...policies: readonly Policy[]
): (...args: Args) => Promise<Result> {
  // A result travels with the body of the reply that stands for it.
  const results = new WeakMap<Body, { readonly result: Result }>();
  return async (...args) => {
    const source: Source = async (_call, { signal }) => {
      try {
        const result = await work(signal, ...args);
        const body = Body.of(NOTHING);
        results.set(body, { result });
        return { status: 200, headers: new Headers(), body };
      } catch (error) {
        signal.throwIfAborted();
        throw new GatewayError("upstream-unreachable", String(error), { cause: error });
      }
    };
    const path = `/${encodeURIComponent(JSON.stringify(args))}`;
    try {
      const { body } = await guard(source, ...policies)(getCall(path), callContext());
      const found = results.get(body);
      if (found === undefined) throw new Error("a policy replaced the result");
      return found.result;
    } catch (error) {
      const isOwn = error instanceof GatewayError && error.kind === "upstream-unreachable";
      throw isOwn ? error.cause ?? error : error;
    }
  };
}
