import type { CryptoKey, JWTVerifyOptions, LocalJWKSet } from "jose";
import type { Clock } from "../core/clock.ts";
import { isRecord } from "../core/is_record.ts";
import { LruCache } from "../core/lru_cache.ts";
import { parseExactly } from "../json/parse_exactly.ts";
import { InvalidCredentials } from "./auth_error.ts";
import { hasRepeatedMembers } from "./has_repeated_members.ts";
import type { Claims } from "./identity.ts";
import type { KeySet } from "./key_set.ts";

const DECODER = new TextDecoder();

/** A token longer than this proves nothing but patience (characters). */
const MAX_TOKEN = 16_384;
/** Three parts in base64url (RFC 7515 section 7.1); the signature may be missing, and is then refused. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** Bounds of the verified tokens that are remembered (entries; characters of tokens and claims). */
const [MAX_REMEMBERED, MAX_REMEMBERED_SIZE] = [20_000, 16 * 1024 * 1024];

/** What a token must be. */
export interface JwtRules {
  readonly issuer: string;
  /** The token must be for at least one of these. */
  readonly audience: readonly string[];
  /** Signature algorithms, as RFC 7518 and RFC 8037 name them. */
  readonly algorithms: readonly string[];
  /** How far the issuer's clock may be from the gateway's (ms). */
  readonly toleranceMs: number;
}

/** One key for each algorithm, or those that an issuer publishes. */
export type JwtKeys =
  /** Rejects when the key does not fit the algorithm. */
  | { readonly fixed: (algorithm: string) => Promise<CryptoKey | Uint8Array> }
  | { readonly published: KeySet };

interface Verified {
  readonly claims: Claims;
  readonly size: number;
  /** When the token expires, with the tolerance (ms since 1970). */
  readonly until: number;
}

/**
 * Verifies JSON Web Tokens (RFC 7519) as RFC 8725 advises: the config, not the token, says which
 * algorithms and keys count; keys that a token brings or points to are ignored. A token must expire.
 *
 * A verified token is remembered until it expires or the keys change, so that a client which sends
 * it again costs a look into a table.
 */
export class JwtVerifier {
  readonly #rules: JwtRules;
  readonly #keys: JwtKeys;
  readonly #clock: Clock;
  readonly #verified = new LruCache<string, Verified>({
    maxEntries: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED_SIZE,
    sizeOf: ({ size }) => size,
  });

  /** How often all were forgotten. */
  #forgotten = 0;

  constructor(rules: JwtRules, keys: JwtKeys, clock: Clock) {
    this.#rules = rules;
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Forgets all verified tokens, because the keys have changed. */
  forget(): void {
    this.#forgotten++;
    this.#verified.clear();
  }

  /**
   * Returns the claims of a valid token; at once if it is known.
   * @throws {InvalidCredentials} for a token that is not valid
   * @throws {CannotCheck} when the issuer's keys cannot be fetched
   */
  verify(token: string): Claims | Promise<Claims> {
    const known = this.#verified.get(token);
    if (known && this.#clock.wall() < known.until) return known.claims;
    return this.#verify(token);
  }

  async #verify(token: string): Promise<Claims> {
    if (token.length > MAX_TOKEN) throw new InvalidCredentials("the token is too long");
    if (!COMPACT.test(token)) throw new InvalidCredentials("the token is malformed");
    const keysThen = this.#forgotten;
    const jose = await import("jose");
    try {
      const { payload } = await this.#verifyWith(jose, token);
      if (payload.iat !== undefined && payload.iat * 1000 > this.#latest) {
        throw new InvalidCredentials("the token is from the future");
      }
      if (
        hasRepeatedMembers(segment(jose, token, 0)) || hasRepeatedMembers(segment(jose, token, 1))
      ) {
        throw new InvalidCredentials("the token repeats a member");
      }
      // Not the library's: it rounds large numbers, and a rounded id is another client's.
      const claims = parseExactly(DECODER.decode(segment(jose, token, 1)));
      if (!isRecord(claims)) throw new InvalidCredentials("the token is malformed");
      const until = (payload.exp ?? 0) * 1000 + this.#rules.toleranceMs;
      // A key that was removed meanwhile must not count for longer than this request.
      if (keysThen === this.#forgotten) {
        this.#verified.set(token, { claims, size: token.length * 2, until });
      }
      return claims;
    } catch (error) {
      if (!(error instanceof jose.errors.JOSEError)) throw error;
      throw new InvalidCredentials(reasonOf(jose, error), { cause: error });
    }
  }

  get #latest(): number {
    return this.#clock.wall() + this.#rules.toleranceMs;
  }

  async #verifyWith(jose: Jose, token: string) {
    const { issuer, audience, algorithms, toleranceMs } = this.#rules;
    const options: JWTVerifyOptions = {
      issuer,
      ...(audience.length > 0 && { audience: [...audience] }),
      algorithms: [...algorithms],
      clockTolerance: toleranceMs / 1000,
      currentDate: new Date(this.#clock.wall()),
      requiredClaims: ["exp"],
    };
    const header = jose.decodeProtectedHeader(token);
    // A token within a token (RFC 7519 section 5.2) says nothing about who sends it.
    if (isNested(header.cty)) throw new InvalidCredentials("the token is nested");
    if ("fixed" in this.#keys) {
      const { alg = "" } = header;
      if (!algorithms.includes(alg)) throw new jose.errors.JOSEAlgNotAllowed();
      const key = await this.#keys.fixed(alg).catch(() => {
        throw new jose.errors.JOSEAlgNotAllowed();
      });
      return await jose.jwtVerify(token, key, options);
    }
    const { published } = this.#keys;
    const keys = await published.get();
    try {
      return await verifyWithAny(jose, token, keys, options);
    } catch (error) {
      const isUnknown = error instanceof jose.errors.JWKSNoMatchingKey && header.kid !== undefined;
      if (!isUnknown || !await published.look(keys)) throw error;
      return await verifyWithAny(jose, token, await published.get(), options);
    }
  }
}

type Jose = typeof import("jose");

/** Verifies with the key that the token names or, when several could be meant, with each of them. */
async function verifyWithAny(
  jose: Jose,
  token: string,
  keys: LocalJWKSet,
  options: JWTVerifyOptions,
) {
  try {
    return await jose.jwtVerify(token, keys, options);
  } catch (error) {
    if (!(error instanceof jose.errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      try {
        return await jose.jwtVerify(token, key, options);
      } catch (failed) {
        if (!(failed instanceof jose.errors.JWSSignatureVerificationFailed)) throw failed;
      }
    }
    throw new jose.errors.JWSSignatureVerificationFailed();
  }
}

function isNested(contentType: unknown): boolean {
  return typeof contentType === "string" && contentType.toLowerCase() === "jwt";
}

function segment(jose: Jose, token: string, index: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(jose.base64url.decode(token.split(".")[index] ?? ""));
}

/** A reason that tells the client what to mend, and an attacker nothing about the keys. */
function reasonOf({ errors }: Jose, error: Error): string {
  if (error instanceof errors.JWTExpired) return "the token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim } = error;
    return claim === "nbf"
      ? "the token is not valid yet"
      : `the token's ${/^\w+$/.test(claim) ? claim : "claims"} is not what this gateway accepts`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return "the token's algorithm is not allowed";
  }
  if (error instanceof errors.JWKSNoMatchingKey) return "the token's key is not known";
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return "the token's signature is not valid";
  }
  return "the token is malformed";
}
