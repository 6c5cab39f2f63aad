import { GatewayError } from "../core/errors.ts";

/**
 * Converts the reason why waiting for a client's body ended: a passed deadline becomes
 * `request-timeout`, which the client can fix; anything else is returned as is.
 */
export function lateUpload(reason: unknown): unknown {
  if (!(reason instanceof GatewayError) || reason.kind !== "deadline-exceeded") return reason;
  const detail = "the request body had not arrived by the request's deadline";
  return new GatewayError("request-timeout", detail, { cause: reason });
}
