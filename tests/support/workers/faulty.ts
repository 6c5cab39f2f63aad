/** Everything that a worker's function may do to whoever runs it, by name. */
const DEEDS: Readonly<Record<string, (value: unknown, signal: AbortSignal) => unknown>> = {
  echo: (value) => value,
  nothing: () => undefined,
  throw: () => {
    throw new Error("secret 10.0.0.5");
  },
  throwNothing: () => {
    throw undefined;
  },
  reject: () => Promise.reject(new Error("secret 10.0.0.5")),
  rejectUnhandled: () => {
    Promise.reject(new Error("nobody handles it"));
    return new Promise(() => setInterval(() => {}, 1_000));
  },
  throwLate: () => {
    setTimeout(() => {
      throw new Error("thrown late");
    });
    return new Promise(() => setInterval(() => {}, 1_000));
  },
  /** Answers, and breaks afterwards, when nobody waits. */
  breakAfter: () => {
    setTimeout(() => {
      throw new Error("thrown while idle");
    });
    return "answered";
  },
  exit: () => Deno.exit(0),
  close: () => {
    Reflect.get(globalThis, "close").call(globalThis);
    return new Promise(() => {});
  },
  loop: () => {
    while (true);
  },
  hang: () => new Promise(() => setInterval(() => {}, 1_000)),
  /** Ends of itself when it is told to. */
  untilAborted: (_value, signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => {
        wasAborted = true;
        reject(signal.reason);
      })
    ),
  /** Whether this very thread was told to stop once. */
  wasAborted: () => wasAborted,
  count: () => ++count,
  isAborted: (_value, signal) => signal.aborted,
  /** Takes 512 MB of the heap; answers when it got them. */
  exhaustHeap: () =>
    Array.from({ length: 128 }, () => new Array(500_000).fill(Math.random())).length,
  recurse: () => recurse(),
  function: () => () => {},
  symbol: () => Symbol("x"),
  bigint: () => 2n ** 64n,
  circle: () => {
    const circle: unknown[] = [];
    circle.push(circle);
    return circle;
  },
  notMine: async () => {
    const { parentPort } = await import("node:worker_threads");
    for (const message of ["x", null, { failure: "toString" }, { result: 1 }]) {
      parentPort?.postMessage(message);
    }
    return "mine";
  },
  large: (value) => "x".repeat(Number(value)),
};

let count = 0;
let wasAborted = false;

function recurse(): number {
  return 1 + recurse();
}

/** Does what it is asked for: `{ do: "echo", value: 1 }`. */
export default function faulty(
  input: { readonly do: string; readonly value?: unknown },
  { signal }: { readonly signal: AbortSignal },
): unknown {
  return DEEDS[input.do]?.(input.value, signal);
}
