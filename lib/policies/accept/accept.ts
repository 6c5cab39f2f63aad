import { turns } from "../../async/turns.ts";
import { Body } from "../../core/body.ts";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { refusalBody } from "./refusal_body.ts";
import { retryAfterSeconds } from "../../http/retry_after.ts";
import type { Policy, Reply } from "../../core/source.ts";

/** What counts as a part's success. */
export interface AcceptOptions {
  /** `json`: the body must be JSON. `text`: any text, which becomes a JSON string. */
  readonly as: "json" | "text";
  /** Whether the client's own credentials are sent, so that a 401 or 403 is the client's (default false). */
  readonly passesCredentials?: boolean;
  /** Whether the client is not told what the upstream says about a refusal (default false). */
  readonly hidesErrors?: boolean;
  /** Tells how far off a `Retry-After` date is. */
  readonly clock: Clock;
}

/** An upstream's refusals that tell the client something about its own request. */
const REFUSALS = new Set([400, 404, 409, 410, 422, 451]);
/** Those whose body says what the client can mend. */
const EXPLAINED = new Set([400, 404, 409, 410, 422]);
/** Those about who the client is. */
const DENIALS = new Set([401, 403]);

/** How long a client should wait when an upstream said 429 but not for how long (s). */
const RETRY_AFTER_S = 1;

const ENCODER = new TextEncoder();

/**
 * Turns what an upstream answered into a success, whose body is JSON or empty, or a GatewayError.
 * The body must have been buffered.
 */
export function accept(options: AcceptOptions): Policy {
  const { as } = options;
  return (next) =>
    async function accept(call, ctx) {
      const reply = await next(call, ctx);
      if (reply.status >= 300) throw await refusal(reply, options);
      return as === "text" ? await asText(reply) : await asJson(reply);
    };
}

async function refusal(
  reply: Reply,
  { passesCredentials = false, hidesErrors = false, clock }: AcceptOptions,
): Promise<GatewayError> {
  const { status, headers } = reply;
  const detail = `the upstream answered ${status}`;
  if (REFUSALS.has(status) || (passesCredentials && DENIALS.has(status))) {
    const challenge = headers.get("www-authenticate");
    const isTold = EXPLAINED.has(status) && !hidesErrors;
    const upstream = isTold ? await refusalBody(reply) : undefined;
    return new GatewayError("upstream-refused", detail, {
      status,
      receivedStatus: status,
      headers: challenge === null ? {} : { "www-authenticate": challenge },
      ...(upstream === undefined ? {} : { extensions: { upstream } }),
    });
  }
  if (status === 429) {
    return new GatewayError("overloaded", detail, {
      receivedStatus: status,
      headers: { "retry-after": String(retryAfterSeconds(headers, clock) ?? RETRY_AFTER_S) },
    });
  }
  const kind = status < 400 ? "upstream-invalid" : "upstream-error";
  return new GatewayError(kind, detail, { receivedStatus: status });
}

async function asJson(reply: Reply): Promise<Reply> {
  try {
    const turn = turns.take(reply.body.length ?? 0);
    if (turn) await turn;
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
