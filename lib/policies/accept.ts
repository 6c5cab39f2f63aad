import { Body } from "../body.ts";
import type { Clock } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import { retryAfterSeconds } from "../retry_after.ts";
import type { Policy, Reply } from "../source.ts";

/** What counts as a part's success. */
export interface AcceptOptions {
  /** `json`: the body must be JSON. `text`: any text, which becomes a JSON string. */
  readonly as: "json" | "text";
  /** Tells how far off a `Retry-After` date is. */
  readonly clock: Clock;
}

/** An upstream's refusals that tell the client something about its own request. */
const REFUSALS = new Set([400, 404, 409, 410, 422, 451]);

/** How long a client should wait when an upstream said 429 but not for how long (s). */
const RETRY_AFTER_S = 1;

const ENCODER = new TextEncoder();

/**
 * Turns what an upstream answered into a success, whose body is JSON or empty, or a GatewayError.
 * The body must have been buffered.
 */
export function accept({ as, clock }: AcceptOptions): Policy {
  return (next) =>
    async function accept(call, ctx) {
      const reply = await next(call, ctx);
      if (reply.status >= 300) {
        throw refusal(reply, call.sendsClientAuthorization ?? false, clock);
      }
      return as === "text" ? await asText(reply) : await asJson(reply);
    };
}

function refusal({ status, headers }: Reply, authorized: boolean, clock: Clock): GatewayError {
  const detail = `the upstream answered ${status}`;
  const isClients = REFUSALS.has(status) || (authorized && (status === 401 || status === 403));
  if (isClients) {
    const challenge = headers.get("www-authenticate");
    return new GatewayError("upstream-refused", detail, {
      status,
      headers: challenge === null ? {} : { "www-authenticate": challenge },
    });
  }
  if (status === 429) {
    return new GatewayError("overloaded", detail, {
      headers: { "retry-after": String(retryAfterSeconds(headers, clock) ?? RETRY_AFTER_S) },
    });
  }
  return new GatewayError(status < 400 ? "upstream-invalid" : "upstream-error", detail);
}

async function asJson(reply: Reply): Promise<Reply> {
  try {
    await reply.body.json(Infinity);
    return reply;
  } catch (error) {
    throw new GatewayError("upstream-invalid", "the upstream's answer is not JSON", {
      cause: error,
    });
  }
}

async function asText(reply: Reply): Promise<Reply> {
  const bytes = await reply.body.bytes(Infinity);
  if (bytes.length === 0) return reply;
  const text = decoderFor(reply.headers).decode(bytes);
  return { ...reply, body: Body.of(ENCODER.encode(JSON.stringify(text))) };
}

/** The decoder for the charset that the answer names; UTF-8 when it names none. */
function decoderFor(headers: Headers): TextDecoder {
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(headers.get("content-type") ?? "")?.[1];
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    throw new GatewayError("upstream-invalid", `the upstream's charset ${charset} is unknown`);
  }
}
