import type { Clock } from "../lib/core/clock.ts";
import { nodeCrypto } from "../lib/core/node_crypto.ts";

/** How long a session lasts (ms). */
const LIFETIME_MS = 12 * 3_600_000;
/** How many sessions that were signed out are remembered until they expire. */
const MAX_ENDED = 10_000;
const NAME = "sluice_session";
const SESSION = /(?:^|;\s*)sluice_session=((\d{1,16})\.([\w-]{22})\.([\w-]{43}))(?=;|$)/;

/**
 * The operator's browser sessions. A session is a cookie with its end and a MAC over it, so that every
 * process with the same token accepts it, and a new token ends all. The token is not in it, and cannot
 * be found from it. Signing out ends the session in this process, and deletes the cookie.
 */
export class Sessions {
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  /** The nonces of sessions that were ended before their time, with that time (ms since 1970). */
  readonly #ended = new Map<string, number>();

  constructor(token: string, clock: Clock) {
    this.#clock = clock;
    this.#key = nodeCrypto().createHmac("sha256", token).update("sluice session").digest();
  }

  /** Begins a session; returns the `Set-Cookie`. @param isSecure whether the browser came over TLS */
  begin(isSecure: boolean): string {
    const until = this.#clock.wall() + LIFETIME_MS;
    const head = `${Math.floor(until)}.${nodeCrypto().randomBytes(16).toString("base64url")}`;
    return cookie(`${head}.${this.#mac(head)}`, LIFETIME_MS / 1_000, isSecure);
  }

  /** Ends the session of a request; returns the `Set-Cookie`. */
  end(cookies: string | null, isSecure: boolean): string {
    const [, , until, nonce = ""] = SESSION.exec(cookies ?? "") ?? [];
    if (this.isValid(cookies)) {
      const now = this.#clock.wall();
      for (const [old, at] of this.#ended) if (at <= now) this.#ended.delete(old);
      if (this.#ended.size < MAX_ENDED) this.#ended.set(nonce, Number(until));
    }
    return cookie("", 0, isSecure);
  }

  /** Whether a request's `Cookie` has a session that is valid now. */
  isValid(cookies: string | null): boolean {
    const [, , until = "", nonce = "", mac = ""] = SESSION.exec(cookies ?? "") ?? [];
    if (mac === "") return false;
    const expected = new TextEncoder().encode(this.#mac(`${until}.${nonce}`));
    if (!nodeCrypto().timingSafeEqual(new TextEncoder().encode(mac), expected)) return false;
    return Number(until) > this.#clock.wall() && !this.#ended.has(nonce);
  }

  #mac(text: string): string {
    return nodeCrypto().createHmac("sha256", this.#key).update(text).digest("base64url");
  }
}

/** The path keeps it from the routes of the config, and so from upstreams. */
function cookie(value: string, seconds: number, isSecure: boolean): string {
  const secure = isSecure ? "; Secure" : "";
  return `${NAME}=${value}; Path=/_gateway/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
