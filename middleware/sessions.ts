import type { Clock } from "../lib/core/clock.ts";
import { nodeCrypto } from "../lib/core/node_crypto.ts";
import type { OperatorIdentity, OperatorToken } from "../lib/operator/operator_token.ts";

/** How long a session lasts (ms). */
const LIFETIME_MS = 12 * 3_600_000;
/** How many sessions that were signed out are remembered until they expire. */
const MAX_ENDED = 10_000;
const NAME = "sluice_session";
const SESSION = /(?:^|;\s*)sluice_session=((\d{1,16})\.([\w-]{22})\.([\w-]{43}))(?=;|$)/;

/**
 * The operators' browser sessions. A session is a cookie with its end and a MAC over it, so that every
 * process with the same token accepts it, and a new token ends all of it. The token is not in it, and
 * cannot be found from it. Signing out ends the session in this process, and deletes the cookie.
 */
export class Sessions {
  readonly #clock: Clock;
  /** The key of each token's sessions. */
  readonly #keys: readonly { readonly key: Uint8Array; readonly identity: OperatorIdentity }[];
  /** The nonces of sessions that were ended before their time, with that time (ms since 1970). */
  readonly #ended = new Map<string, number>();

  constructor(tokens: readonly OperatorToken[], clock: Clock) {
    this.#clock = clock;
    this.#keys = tokens.map(({ token, name, role }) => ({
      // The role, too: a token that loses one ends its sessions.
      key: nodeCrypto().createHmac("sha256", token).update(`sluice session ${role} ${name}`)
        .digest(),
      identity: { name, role },
    }));
  }

  /**
   * Begins a session; returns the `Set-Cookie`.
   * @param name the name of the token that was shown
   * @param isSecure whether the browser came over TLS
   */
  begin(name: string, isSecure: boolean): string {
    const known = this.#keys.find(({ identity }) => identity.name === name);
    if (known === undefined) throw new Error(`no operator is called ${name}`);
    const until = this.#clock.wall() + LIFETIME_MS;
    const head = `${Math.floor(until)}.${nodeCrypto().randomBytes(16).toString("base64url")}`;
    return cookie(`${head}.${macOf(head, known.key)}`, LIFETIME_MS / 1_000, isSecure);
  }

  /** Ends the session of a request; returns the `Set-Cookie`. */
  end(cookies: string | null, isSecure: boolean): string {
    const [, , until, nonce = ""] = SESSION.exec(cookies ?? "") ?? [];
    if (this.identify(cookies)) {
      const now = this.#clock.wall();
      for (const [old, at] of this.#ended) if (at <= now) this.#ended.delete(old);
      if (this.#ended.size < MAX_ENDED) this.#ended.set(nonce, Number(until));
    }
    return cookie("", 0, isSecure);
  }

  /** Returns whose session a request's `Cookie` has; undefined if it has none that is valid now. */
  identify(cookies: string | null): OperatorIdentity | undefined {
    const [, , until = "", nonce = "", mac = ""] = SESSION.exec(cookies ?? "") ?? [];
    if (mac === "" || Number(until) <= this.#clock.wall() || this.#ended.has(nonce)) {
      return undefined;
    }
    const shown = new TextEncoder().encode(mac);
    return this.#keys.find(({ key }) => {
      const expected = new TextEncoder().encode(macOf(`${until}.${nonce}`, key));
      return nodeCrypto().timingSafeEqual(shown, expected);
    })?.identity;
  }
}

function macOf(text: string, key: Uint8Array): string {
  return nodeCrypto().createHmac("sha256", key).update(text).digest("base64url");
}

/** The path keeps it from the routes of the config, and so from upstreams. */
function cookie(value: string, seconds: number, isSecure: boolean): string {
  const secure = isSecure ? "; Secure" : "";
  return `${NAME}=${value}; Path=/_gateway/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
