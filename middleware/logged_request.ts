import type { Exchange } from "./exchange.ts";

/** A request that is logged. */
export interface LoggedRequest {
  readonly c: Pick<
    Exchange,
    "trace" | "method" | "path" | "route" | "error" | "response" | "webSocket"
  >;
  /** When it arrived (ms since 1970). */
  readonly arrivedAt: number;
  /** From its arrival until its response was sent (ms). */
  readonly tookMs: number;
  /** A known client's name, otherwise a keyed hash of its address. */
  readonly client: string;
  /** Set if the response was not sent whole. */
  readonly cutShort: CutShort | undefined;
}

/** How the end of a request that was not sent whole is logged. */
export interface CutShort {
  /** Set when the end of the process cut the request off. */
  readonly cutOff?: true;
  /** Why the response was ended before the client had read all of it. */
  readonly ended?: "send-timeout";
}
