import type { Context } from "hono";
import type { Exchange } from "../../middleware/exchange.ts";

/** What the operator API's app knows of a request: the gateway's own Exchange. */
export interface OperatorEnv {
  Bindings: Exchange;
}

/** A request to the operator API. */
export type OperatorExchange = Context<OperatorEnv>;
