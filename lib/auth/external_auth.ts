import type { Clock } from "../core/clock.ts";
import { FieldList } from "../core/field_list.ts";
import { LruCache } from "../core/lru_cache.ts";
import type { Context, Reply, Source } from "../core/source.ts";
import { CannotCheck, InvalidCredentials } from "./auth_error.ts";
import type { Authenticator } from "./authenticator.ts";
import { type ClaimNames, type Identity, identityOf } from "./identity.ts";

/** Maximum answers that are remembered. */
const MAX_ANSWERS = 10_000;
/** What belongs to a refusal, and is passed on to the client. */
const REFUSAL_HEADERS = ["www-authenticate", "location"] as const;
/** RFC 9110 sections 15.4.3, 15.4.4, 15.4.8. */
const REDIRECTS: ReadonlySet<number> = new Set([302, 303, 307]);

/** What is asked, and how the answer is read. */
export interface ExternalAuthOptions {
  readonly way: string;
  /** Calls the service, with its timeout. */
  readonly service: Source;
  readonly path: string;
  /** The client's headers that are sent, in lower case. */
  readonly headers: readonly string[];
  /** How long an answer counts (ms); 0: each request asks. */
  readonly cacheMs: number;
  /** Headers of the response that become claims, in lower case. */
  readonly claims: readonly string[];
  readonly names: ClaimNames;
  readonly clock: Clock;
}

interface Answer {
  readonly identity?: Identity;
  readonly refused?: InvalidCredentials;
  /** On the monotonic clock (ms). */
  readonly until: number;
}

/**
 * Authenticates by asking a service, which sees the headers that the config names and nothing else
 * of the request. A service that cannot be reached, or fails, accepts nobody.
 */
export function externalAuth(options: ExternalAuthOptions): Authenticator {
  const { service, path, cacheMs, clock } = options;
  const answers = new LruCache<string, Answer>({ maxEntries: MAX_ANSWERS });
  const ask = async (sent: FieldList, key: string, ctx: Context): Promise<Identity> => {
    const call = { method: "GET", path, headers: sent, isPersonal: true };
    const reply = await service(call, ctx).catch((cause) => {
      ctx.signal.throwIfAborted();
      throw new CannotCheck("the service that authenticates clients did not answer", { cause });
    });
    await reply.body.cancel();
    const answer = answerTo(reply, options, clock.monotonic() + cacheMs);
    if (cacheMs > 0) answers.set(key, answer);
    return resultOf(answer);
  };
  return {
    headers: options.headers,
    authenticate(headers, ctx) {
      const sent = new FieldList();
      for (const name of options.headers) {
        const value = headers.get(name);
        if (value !== null) sent.set(name, value);
      }
      const lines = [...sent];
      if (lines.length === 0) return undefined;
      const key = cacheMs > 0 ? JSON.stringify(lines) : "";
      const known = cacheMs > 0 ? answers.get(key) : undefined;
      if (known && clock.monotonic() < known.until) return resultOf(known);
      return ask(sent, key, ctx);
    },
    challenge: (error) => error?.refusal?.headers["www-authenticate"],
  };
}

function answerTo(reply: Reply, options: ExternalAuthOptions, until: number): Answer {
  const { status, headers } = reply;
  if (status >= 200 && status < 300) return { identity: identityIn(headers, options), until };
  if (status === 401 || status === 403 || REDIRECTS.has(status)) {
    const refusal: Record<string, string> = {};
    for (const name of REFUSAL_HEADERS) {
      const value = headers.get(name);
      if (value !== null) refusal[name] = value;
    }
    const refused = new InvalidCredentials("the credentials were refused", {
      refusal: { status, headers: refusal },
    });
    return { refused, until };
  }
  throw new CannotCheck(`the service that authenticates clients answered ${status}`);
}

function identityIn(headers: Headers, { way, claims, names }: ExternalAuthOptions): Identity {
  const found: Record<string, string> = {};
  for (const name of claims) {
    const value = headers.get(name);
    if (value !== null) found[name] = value;
  }
  return identityOf(way, found, names);
}

function resultOf({ identity, refused }: Answer): Identity {
  if (identity) return identity;
  throw refused ?? new CannotCheck("the service that authenticates clients gave no answer");
}
