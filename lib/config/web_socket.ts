import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { origin } from "./cors.ts";
import { choice, value } from "./facts.ts";
import { list, object } from "./object.ts";
import { duration, size } from "./values.ts";

const webSocketSchema = object({
  /**
   * Origins whose pages may connect, besides those of the host that they call: `https://app.example`,
   * or `"*"` for every origin. Default: those of the route's `cors`, except `"*"`.
   */
  origins: v.optional(list(origin, "must be a list of origins")),
  /** Maximum size of a message, in either direction; a larger one closes the connection with 1009. */
  maxMessage: v.optional(size, "1MiB"),
  /**
   * How long either side may be silent, and not respond to a ping, until the connection is closed. The
   * gateway pings after half of it.
   */
  idleTimeout: v.optional(duration, "1m"),
});

const RULE = 'must be true, or an object such as { maxMessage: "64KiB" }';
const allDefaults = value("true", { const: true }, v.literal(true));

/** Passes WebSocket connections on. */
export const webSocketOrTrue = choice(
  v.lazy((input) =>
    input === true ? allDefaults : isRecord(input) ? webSocketSchema : v.never(RULE)
  ),
  allDefaults,
  webSocketSchema,
);

/** @internal */
export type WebSocketKeys = v.InferInput<typeof webSocketSchema>;
/** How a forward passes WebSocket connections on. `true` has the defaults. */
export type WebSocketConfig = WebSocketKeys;

/** How a forward passes WebSocket connections on, with every default filled in. */
export interface WebSocketSettings {
  /** Origins whose pages may connect, besides those of the host that they call; undefined: those of `cors`. */
  readonly origins: readonly string[] | undefined;
  /** Maximum size of a message (bytes). */
  readonly maxMessage: number;
  readonly idleTimeoutMs: number;
}

/** Converts a forward's config to settings; undefined for no WebSocket connections. */
export function webSocketSettings(
  read: v.InferOutput<typeof webSocketOrTrue> | undefined,
): WebSocketSettings | undefined {
  if (read === undefined) return undefined;
  const given = read === true ? v.parse(webSocketSchema, {}) : read;
  const { origins, maxMessage, idleTimeout } = given;
  return { origins, maxMessage, idleTimeoutMs: idleTimeout };
}
