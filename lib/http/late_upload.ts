import { GatewayError } from "../core/errors.ts";

/**
 * Why a wait for a client's body ended: a deadline that passed meanwhile is `request-timeout`, which
 * is the client's to mend; anything else stays what it is.
 */
export function lateUpload(reason: unknown): unknown {
  if (!(reason instanceof GatewayError) || reason.kind !== "deadline-exceeded") return reason;
  const detail = "the request body had not arrived when the request's deadline passed";
  return new GatewayError("request-timeout", detail, { cause: reason });
}
