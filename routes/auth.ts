import type { CryptoKey } from "jose";
import type { Authenticator } from "../lib/auth/authenticator.ts";
import { externalAuth } from "../lib/auth/external_auth.ts";
import { jwtAuth } from "../lib/auth/jwt_auth.ts";
import { type JwtKeys, JwtVerifier } from "../lib/auth/jwt_verifier.ts";
import { keyAuth } from "../lib/auth/key_auth.ts";
import { KeySet } from "../lib/auth/key_set.ts";
import { publishedKeys } from "../lib/auth/published_keys.ts";
import type { AuthSettings, JwtSettings } from "../lib/config/auth.ts";
import { type ClientDirectory, configuredClients } from "../lib/operator/client_directory.ts";
import type { Sources } from "../lib/upstream/sources.ts";
import type { GatewayDependencies } from "./dependencies.ts";

/** Dependencies of {@linkcode openAuth}. */
export interface AuthDependencies
  extends Pick<GatewayDependencies, "clock" | "operator" | "logError"> {
  readonly sources: Sources;
}

/** Opens the ways to authenticate, by name. */
export function openAuth(
  settings: readonly AuthSettings[],
  deps: AuthDependencies,
): ReadonlyMap<string, Authenticator> {
  return new Map(settings.map((auth) => [auth.name, open(auth, deps)]));
}

function open(auth: AuthSettings, deps: AuthDependencies): Authenticator {
  const { clock, sources, operator } = deps;
  switch (auth.kind) {
    case "jwt":
      return jwtAuth(auth.name, verifierOf(auth, deps), auth.names);
    case "key": {
      const directory: ClientDirectory = auth.known
        ? configuredClients(auth.known)
        : operator?.clients ?? configuredClients([]);
      return keyAuth(auth.key, (key) => directory.find(key));
    }
    case "external":
      return externalAuth({
        ...auth,
        way: auth.name,
        service: sources.check(auth.service),
        clock,
      });
  }
}

function verifierOf(auth: JwtSettings, deps: AuthDependencies): JwtVerifier {
  const verifier = new JwtVerifier(
    auth.rules,
    keysOf(auth, deps, () => verifier.forget()),
    deps.clock,
  );
  return verifier;
}

function keysOf(
  { name, rules, keys }: JwtSettings,
  { clock, sources, logError }: AuthDependencies,
  onChange: () => void,
): JwtKeys {
  if ("fixed" in keys) {
    const byAlgorithm = new Map<string, Promise<CryptoKey | Uint8Array>>();
    return {
      fixed(algorithm) {
        const known = byAlgorithm.get(algorithm);
        const key = known ?? importKey(keys.fixed, keys.isSecret, algorithm);
        byAlgorithm.set(algorithm, key);
        return key;
      },
    };
  }
  const { published, path, isDiscovered } = keys;
  return {
    published: new KeySet({
      fetch: publishedKeys({
        issuer: rules.issuer,
        source: sources.check(published),
        path,
        isDiscovered,
        sourceAt: (origin) => sources.checkAt(published, origin),
        clock,
      }),
      clock,
      onChange,
      onError: (error) => logError(error, `auth ${name}`),
    }),
  };
}

async function importKey(text: string, isSecret: boolean, algorithm: string) {
  if (isSecret) return new TextEncoder().encode(text);
  const { importSPKI } = await import("jose");
  return await importSPKI(text, algorithm);
}
