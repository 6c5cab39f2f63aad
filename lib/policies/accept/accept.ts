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
  /** Whether the client's credentials are forwarded: a 401 or 403 is then its own (default false). */
  readonly passesCredentials?: boolean;
  /** Whether to withhold the upstream's error body from the client (default false). */
  readonly hidesErrors?: boolean;
  /** For a `Retry-After` that is a date. */
  readonly clock: Clock;
}

/** Statuses that concern the client's own request. */
const REFUSALS = new Set([400, 404, 409, 410, 422, 451]);
/** Those whose body can help the client to correct its request. */
const EXPLAINED = new Set([400, 404, 409, 410, 422]);
/** Those that concern the client's credentials. */
const DENIALS = new Set([401, 403]);

/** The client's `Retry-After` when an upstream's 429 has none (s). */
const RETRY_AFTER_S = 1;

const ENCODER = new TextEncoder();

/**
 * Turns an upstream's response into a success, whose body is JSON or empty, or into a GatewayError.
 * The body must be buffered.
 */
export function accept(options: AcceptOptions): Policy {
  const read = options.as === "text" ? asText : asJson;
  const onReply = (reply: Reply) => reply.status < 300 ? read(reply) : refuse(reply, options);
  return (next) => (call, ctx) => next(call, ctx).then(onReply);
}

async function refuse(reply: Reply, options: AcceptOptions): Promise<never> {
  throw await refusal(reply, options);
}

async function refusal(
  reply: Reply,
  { passesCredentials = false, hidesErrors = false, clock }: AcceptOptions,
): Promise<GatewayError> {
  const { status, headers } = reply;
  const detail = `the upstream returned ${status}`;
  if (REFUSALS.has(status) || (passesCredentials && DENIALS.has(status))) {
    const challenge = headers.get("www-authenticate");
    const passesBody = EXPLAINED.has(status) && !hidesErrors;
    const upstream = passesBody ? await refusalBody(reply) : undefined;
    return new GatewayError("upstream-refused", detail, {
      status,
      receivedStatus: status,
      headers: challenge === null ? {} : { "www-authenticate": challenge },
      ...(upstream === undefined ? {} : { extensions: { upstream } }),
    });
  }
  if (status === 429) {
    const seconds = retryAfterSeconds(headers, clock) ?? RETRY_AFTER_S;
    return new GatewayError("overloaded", detail, {
      receivedStatus: status,
      headers: { "retry-after": String(seconds) },
    });
  }
  const kind = status < 400 ? "upstream-invalid" : "upstream-error";
  const seconds = status === 503 ? retryAfterSeconds(headers, clock) : undefined;
  return new GatewayError(kind, detail, {
    receivedStatus: status,
    headers: seconds === undefined ? {} : { "retry-after": String(seconds) },
  });
}

/** Returns a reply at once, unless it has to wait for its turn. */
function asJson(reply: Reply): Reply | Promise<Reply> {
  const { body } = reply;
  const turn = turns.take(body.length ?? 0);
  if (turn || !body.isWhole) return asJsonLater(reply, turn);
  try {
    body.checkJson();
    return reply;
  } catch (error) {
    throw notJson(error);
  }
}

async function asJsonLater(reply: Reply, turn: Promise<void> | undefined): Promise<Reply> {
  await turn;
  try {
    await reply.body.bytes(Infinity);
    reply.body.checkJson();
    return reply;
  } catch (error) {
    throw notJson(error);
  }
}

function notJson(cause: unknown): GatewayError {
  return new GatewayError("upstream-invalid", "the upstream's response is not JSON", { cause });
}

async function asText(reply: Reply): Promise<Reply> {
  const bytes = await reply.body.bytes(Infinity);
  if (bytes.length === 0) return reply;
  const text = decoderFor(reply.headers).decode(bytes);
  return { ...reply, body: Body.of(ENCODER.encode(JSON.stringify(text))) };
}

/** The decoder for the response's charset; UTF-8 when it names none. */
function decoderFor(headers: Headers): TextDecoder {
  const charset = /charset\s*=\s*"?([^\s;"]+)/i.exec(headers.get("content-type") ?? "")?.[1];
  try {
    return new TextDecoder(charset ?? "utf-8");
  } catch {
    throw new GatewayError(
      "upstream-invalid",
      `the upstream's charset ${charset} is not supported`,
    );
  }
}
