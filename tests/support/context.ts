import type { BackgroundTask } from "../../lib/core/background.ts";
import type { Call, Context } from "../../lib/core/source.ts";

/** A context for a test, of a request that nobody cancels unless the test does. */
export function testContext(overrides: Partial<Context> = {}): Context {
  return {
    signal: new AbortController().signal,
    deadline: Infinity,
    client: { address: "192.0.2.1" },
    trace: { id: "test", parts: [] },
    background: (_task: BackgroundTask) => {},
    isOptional: false,
    buffers: undefined,
    ...overrides,
  };
}

/** A call for a test: `GET /` unless it says otherwise. */
export function testCall(overrides: Partial<Call> = {}): Call {
  return { method: "GET", path: "/", headers: new Headers(), ...overrides };
}
