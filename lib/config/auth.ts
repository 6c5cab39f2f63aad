import * as v from "valibot";
import { type Algorithm, ASYMMETRIC, SYMMETRIC } from "../auth/algorithms.ts";
import type { ClaimNames } from "../auth/identity.ts";
import type { JwtRules } from "../auth/jwt_verifier.ts";
import { isRecord } from "../core/is_record.ts";
import { breakerSchema, breakerSettings } from "./breaker.ts";
import { type ClientSettings, keyPlace, knownSchema, readKnown } from "./client.ts";
import { choice, value } from "./facts.ts";
import { list, object } from "./object.ts";
import type { Reader } from "./reader.ts";
import { upstreamUrl } from "./targets.ts";
import type { UpstreamSettings } from "./upstream.ts";
import {
  duration,
  type Environment,
  headerName,
  nonEmptyText,
  oneOf,
  text,
  unset,
} from "./values.ts";

const ALGORITHM_RULE = `must be one of ${[...ASYMMETRIC, ...SYMMETRIC].join(", ")}`;
const AUDIENCE_RULE = "must be an audience, a list of audiences, or false";
const audienceText = v.pipe(nonEmptyText, v.transform((audience) => [audience]));
const audiences = list(nonEmptyText, AUDIENCE_RULE, 1);
const noAudience = value(
  "`false`",
  { const: false },
  v.pipe(v.literal(false), v.transform(() => [])),
);

/** A key that does not change. */
const keySchema = object({
  /** The environment variable that contains a public key in PEM, or a secret of at least 32 bytes. */
  env: text,
});

/** What a token must be. */
export const jwtSchema = (env: Environment) =>
  object({
    /** The token's `iss`, exactly. */
    issuer: nonEmptyText,
    /** The token must be for one of these (`aud`); `false` accepts tokens for anybody. */
    audience: choice(
      v.lazy((input) =>
        Array.isArray(input) ? audiences : input === false ? noAudience : audienceText
      ),
      nonEmptyText,
      audiences,
      noAudience,
    ),
    /** Where the issuer publishes its public keys (JWKS). Default: what its discovery document says. */
    jwks: v.optional(upstreamUrl(env)),
    /** One key, in place of `jwks`. */
    key: v.optional(keySchema),
    /** Signature algorithms to accept. Default: those that fit the key, never both kinds. */
    algorithms: v.optional(
      list(oneOf([...ASYMMETRIC, ...SYMMETRIC], ALGORITHM_RULE), "must be a list of algorithms", 1),
    ),
    /** How far the issuer's clock may be from the gateway's. */
    tolerance: v.optional(duration, "30s"),
    /** The claim that names the client in limits, blocks and the log. */
    name: v.optional(text, "sub"),
    /** The claim that has the client's tier, for which limits can have other rates. Default: none. */
    tier: v.optional(text),
  }, { not: { required: ["jwks", "key"] } });

/** How a service is asked. */
export const externalSchema = (env: Environment) =>
  object({
    /** The service to ask, with GET: 2xx accepts the client; 401, 403 or a redirect is its response. */
    url: upstreamUrl(env),
    /** The client's headers to send, such as `cookie`; without any of them it is not asked. */
    headers: list(headerName, "must be a list of headers", 1),
    /** How long an answer counts for the same headers. Default: every request asks. */
    cache: v.optional(duration),
    /** Headers of its response that become claims, by their names in lower case. Default: none. */
    claims: v.optional(list(headerName, "must be a list of headers"), []),
    /** The claim that names the client in limits, blocks and the log. Default: none. */
    name: v.optional(text),
    /** The claim that has the client's tier, for which limits can have other rates. Default: none. */
    tier: v.optional(text),
    /** Time limit for the answer. */
    timeout: v.optional(duration, "2s"),
    /** Circuit breaker for the service; `{}` for its defaults. Default: none. */
    breaker: v.optional(breakerSchema),
  });

const jwtAuth = (env: Environment) =>
  object({
    /** Accepts JSON Web Tokens, sent as `Authorization: Bearer`. */
    jwt: jwtSchema(env),
  });

/** How clients show their keys. */
export const keyAuth = object({
  /** Accepts keys of known clients: `header:NAME`, or `bearer` for `Authorization: Bearer`. */
  key: keyPlace,
  /** The known clients by name, with keys from the environment; or `"kv"` for records in the store. */
  known: v.optional(knownSchema, "kv"),
});

const externalAuth = (env: Environment) =>
  object({
    /** Asks a service of yours. */
    external: externalSchema(env),
  });

const AUTH_RULE = "must have exactly one of jwt, key and external";

/** One way to authenticate. */
export const authSchema = (env: Environment) =>
  choice(v.unknown(), jwtAuth(env), keyAuth, externalAuth(env));

/** @internal */
export type JwtAuthKeys = v.InferInput<ReturnType<typeof jwtAuth>>;
/** @internal */
export type KeyAuthKeys = v.InferInput<typeof keyAuth>;
/** @internal */
export type ExternalAuthKeys = v.InferInput<ReturnType<typeof externalAuth>>;
/** One way to authenticate: by a token, by a key, or by asking a service. */
export type AuthConfig = JwtAuthKeys | KeyAuthKeys | ExternalAuthKeys;

/** Where the key of a token's signature comes from. */
export type JwtKeySource =
  /** A public key in PEM, or a secret. */
  | { readonly fixed: string; readonly isSecret: boolean }
  /** The issuer's JWKS, at a path of the upstream; undefined: its discovery document names it. */
  | { readonly published: UpstreamSettings; readonly path: string; readonly isDiscovered: boolean };

/** Accepts JSON Web Tokens. */
export interface JwtSettings {
  readonly name: string;
  readonly kind: "jwt";
  readonly rules: JwtRules;
  readonly keys: JwtKeySource;
  readonly names: ClaimNames;
}

/** Accepts keys of known clients. */
export interface KeyAuthSettings extends Pick<ClientSettings, "key" | "known"> {
  readonly name: string;
  readonly kind: "key";
}

/** Asks a service. */
export interface ExternalAuthSettings {
  readonly name: string;
  readonly kind: "external";
  readonly service: UpstreamSettings;
  /** The path and query of the check, below the service's origin. */
  readonly path: string;
  /** The client's headers that are sent, in lower case. */
  readonly headers: readonly string[];
  /** How long an answer counts (ms); 0: each request asks. */
  readonly cacheMs: number;
  /** Headers of the response that become claims, in lower case. */
  readonly claims: readonly string[];
  readonly names: ClaimNames;
}

/** One way to authenticate. */
export type AuthSettings = JwtSettings | KeyAuthSettings | ExternalAuthSettings;

/** The least size of a shared secret (bytes): that of the hash (RFC 7518 section 3.2). */
const LEAST_SECRET = 32;

/** Where a config is read. */
export interface AuthPlace {
  readonly env: Environment;
  readonly reader: Reader;
  /** Makes the upstream by which keys are fetched and services asked. */
  readonly upstream: (name: string, input: unknown, path: readonly string[]) =>
    | UpstreamSettings
    | undefined;
}

/** Parses one way to authenticate; undefined, with every problem reported, if it is invalid. */
export function readAuth(name: string, input: unknown, place: AuthPlace): AuthSettings | undefined {
  const { env, reader } = place;
  const path = ["auth", name];
  const kinds = ["jwt", "key", "external"].filter((kind) => isRecord(input) && kind in input);
  if (kinds.length !== 1) return reader.report(path, AUTH_RULE);
  if (kinds[0] === "key") {
    const read = reader.read(keyAuth, input, path);
    if (!read) return undefined;
    const known = readKnown(read.known, env, reader, path);
    return { name, kind: "key", key: read.key, known };
  }
  if (kinds[0] === "jwt") {
    const read = reader.read(jwtAuth(env), input, path);
    return read && jwtSettings(name, read.jwt, [...path, "jwt"], place);
  }
  const read = reader.read(externalAuth(env), input, path);
  return read && externalSettings(name, read.external, [...path, "external"], place);
}

function jwtSettings(
  name: string,
  read: v.InferOutput<ReturnType<typeof jwtSchema>>,
  path: readonly string[],
  place: AuthPlace,
): JwtSettings | undefined {
  const { issuer, audience, tolerance, tier } = read;
  const keys = keysOf(name, read, path, place);
  if (!keys) return undefined;
  const fitting: readonly Algorithm[] = "fixed" in keys && keys.isSecret ? SYMMETRIC : ASYMMETRIC;
  const algorithms = read.algorithms ?? fitting;
  const other = algorithms.find((algorithm) => !fitting.includes(algorithm));
  if (other !== undefined) {
    const rule = fitting === SYMMETRIC
      ? "must be HS256, HS384 or HS512, because the key is a secret"
      : "must be an algorithm for public keys: with one for secrets, the public key would be the secret";
    return place.reader.report([...path, "algorithms"], rule, other);
  }
  return {
    name,
    kind: "jwt",
    rules: { issuer, audience, algorithms, toleranceMs: tolerance },
    keys,
    names: { name: read.name, tier },
  };
}

function keysOf(
  name: string,
  { issuer, jwks, key }: v.InferOutput<ReturnType<typeof jwtSchema>>,
  path: readonly string[],
  { env, reader, upstream }: AuthPlace,
): JwtKeySource | undefined {
  if (key && jwks) return reader.report([...path, "key"], "must not be set together with jwks");
  if (key) {
    const fixed = env(key.env);
    if (fixed === undefined) return reader.report([...path, "key", "env"], unset(key.env));
    const isSecret = !fixed.includes("-----BEGIN");
    if (!isSecret && !fixed.includes("-----BEGIN PUBLIC KEY-----")) {
      const rule = `the value of ${key.env} must be a public key (BEGIN PUBLIC KEY)`;
      return reader.report([...path, "key", "env"], rule);
    }
    if (isSecret && new TextEncoder().encode(fixed).length < LEAST_SECRET) {
      const rule =
        `the value of ${key.env} must be a public key in PEM, or a secret of at least 32 bytes`;
      return reader.report([...path, "key", "env"], rule);
    }
    return { fixed, isSecret };
  }
  const url = jwks ?? discoveryOf(issuer);
  if (!url) {
    return reader.report(
      [...path, "issuer"],
      "must be an https:// URL unless jwks or key is set",
      issuer,
    );
  }
  const published = upstream(`auth ${name}`, { url: url.origin, timeout: "5s" }, path);
  return published && { published, path: url.pathname + url.search, isDiscovered: !jwks };
}

/** OpenID Connect Discovery 1.0, section 4. */
function discoveryOf(issuer: string): URL | undefined {
  const url = URL.parse(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  return url && /^https?:$/.test(url.protocol) ? url : undefined;
}

function externalSettings(
  name: string,
  { url, headers, cache = 0, claims, timeout, breaker, ...names }: v.InferOutput<
    ReturnType<typeof externalSchema>
  >,
  path: readonly string[],
  { upstream }: AuthPlace,
): ExternalAuthSettings | undefined {
  const service = upstream(`auth ${name}`, {
    url: url.origin,
    timeout: `${timeout}ms`,
  }, path);
  return service && {
    name,
    kind: "external",
    service: { ...service, breaker: breakerSettings(breaker) },
    path: url.pathname,
    headers: headers.map((header) => header.toLowerCase()),
    cacheMs: cache,
    claims: claims.map((claim) => claim.toLowerCase()),
    names: { name: names.name, tier: names.tier },
  };
}
