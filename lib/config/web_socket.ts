import * as v from "valibot";
import { isRecord } from "../core/is_record.ts";
import { origin } from "./cors.ts";
import { choice, value } from "./facts.ts";
import { list, object } from "./object.ts";
import type { Rate } from "./rates.ts";
import { count, duration, rate, size } from "./values.ts";

const MESSAGES_RULE =
  'must be a rate such as 50/s, or an object such as { rate: "50/s", burst: 100 }';
const messagesObject = object({
  /** Messages per period. */
  rate,
  /** Maximum messages at once after a quiet time. Default: those of one second, at least 1. */
  burst: v.optional(count),
});
const messagesRate = v.pipe(rate, v.transform((rate) => ({ rate, burst: undefined })));

const webSocketSchema = object({
  /**
   * Origins whose pages may connect, besides those of the host that they call: `https://app.example`,
   * or `"*"` for every origin. Default: those of the route's `cors`, except `"*"`.
   */
  origins: v.optional(list(origin, "must be a list of origins")),
  /** Maximum size of a message, in either direction; a larger one closes the connection with 1009. */
  maxMessage: v.optional(size, "1MiB"),
  /**
   * How many messages each connection's client may send: `"50/s"`, or an object with these keys; one
   * too many closes the connection with 1008. Default: any number.
   */
  messages: v.optional(
    choice(
      v.lazy((input) => {
        if (typeof input === "string") return messagesRate;
        return isRecord(input) ? messagesObject : v.never(MESSAGES_RULE);
      }),
      rate,
      messagesObject,
    ),
  ),
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
  /** How many messages each client may send; undefined: any number. */
  readonly messages: { readonly intervalMs: number; readonly burst: number } | undefined;
  readonly idleTimeoutMs: number;
}

/** Converts a forward's config to settings; undefined for no WebSocket connections. */
export function webSocketSettings(
  read: v.InferOutput<typeof webSocketOrTrue> | undefined,
): WebSocketSettings | undefined {
  if (read === undefined) return undefined;
  const given = read === true ? v.parse(webSocketSchema, {}) : read;
  const { origins, maxMessage, messages, idleTimeout } = given;
  return {
    origins,
    maxMessage,
    messages: messages && messageLimit(messages.rate, messages.burst),
    idleTimeoutMs: idleTimeout,
  };
}

function messageLimit({ tokens, periodMs }: Rate, burst: number | undefined) {
  const inSecond = Math.max(1, Math.ceil(tokens * 1000 / periodMs));
  return { intervalMs: periodMs / tokens, burst: burst ?? inSecond };
}
