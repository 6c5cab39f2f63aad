import { fingerprint } from "../core/fingerprint.ts";

/**
 * Identifies what a config says: the same in every process with that config. Functions count with
 * their text. Secrets from the environment are named in a config, and so are not part of it.
 */
export function configDigest(config: unknown): string {
  return fingerprint(JSON.stringify(config, asText) ?? "");
}

function asText(_key: string, value: unknown): unknown {
  return typeof value === "function" || typeof value === "bigint" ? String(value) : value;
}
