/** How an upstream treats the calls that it gets. */
export type Behaviour =
  /** Responds after a time between two bounds (ms). */
  | { readonly kind: "steady"; readonly ms: readonly [number, number] }
  /** Steady, but a share of the calls takes `times` as long. */
  | {
    readonly kind: "tail";
    readonly ms: readonly [number, number];
    readonly share: number;
    readonly times: number;
  }
  /** Responds with a status, such as 429, after a time (ms). */
  | { readonly kind: "failing"; readonly status: number; readonly ms: number }
  /** Steady for `everyMs`, then failing with 500 for as long, and so on. */
  | { readonly kind: "flapping"; readonly ms: readonly [number, number]; readonly everyMs: number }
  /**
   * Takes `ms` for a call as long as it has at most `knee` of them; beyond, the time grows with their
   * number to the power of 1.5, so that it does less the more it is asked. Calls that their client
   * has given up count too.
   */
  | { readonly kind: "overloaded"; readonly ms: number; readonly knee: number }
  /** Reads requests, and never responds. */
  | { readonly kind: "hanging" }
  /** Accepts connections, and never reads from them. */
  | { readonly kind: "half-open" }
  /** Resets the connection as soon as a request arrives. */
  | { readonly kind: "resetting" }
  /** Does not listen. */
  | { readonly kind: "down" };

/** What an upstream sends, and when; undefined for one that does not respond. */
export interface Answer {
  readonly status: number;
  /** After this long (ms). */
  readonly ms: number;
}

/**
 * Decides the answer to a call.
 * @param inFlight how many calls the upstream has, this one included
 * @param sinceMs the time since the upstream began to behave like this
 * @param random from 0 to 1
 */
export function answerOf(
  behaviour: Behaviour,
  inFlight: number,
  sinceMs: number,
  random: () => number,
): Answer | undefined {
  const between = ([from, to]: readonly [number, number]) => from + random() * (to - from);
  switch (behaviour.kind) {
    case "steady":
      return { status: 200, ms: between(behaviour.ms) };
    case "tail": {
      const ms = between(behaviour.ms);
      return { status: 200, ms: random() < behaviour.share ? ms * behaviour.times : ms };
    }
    case "failing":
      return behaviour;
    case "flapping": {
      const isFailing = Math.floor(sinceMs / behaviour.everyMs) % 2 === 1;
      return { status: isFailing ? 500 : 200, ms: between(behaviour.ms) };
    }
    case "overloaded": {
      const load = Math.max(1, inFlight / behaviour.knee);
      return { status: 200, ms: behaviour.ms * load ** 1.5 };
    }
    default:
      return undefined;
  }
}
