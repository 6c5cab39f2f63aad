import { digest } from "../core/digest.ts";
import type { Client } from "../core/source.ts";

/**
 * The key of stored responses: the URL, and what else distinguishes them, one a line. None contains a
 * line break.
 */
export function cacheKey(url: string, variants: readonly (string | undefined)[]): string {
  let key = url;
  for (const variant of variants) if (variant !== undefined) key += `\n${variant}`;
  return key;
}

/** The URL of a key. */
export function urlOf(key: string): string {
  const end = key.indexOf("\n");
  return end < 0 ? key : key.slice(0, end);
}

/** Identifies a client: by its name where that is known, else by its address. */
export function clientKey({ name, address, claims }: Client): string {
  const who = name === undefined ? `address ${address}` : `name ${name}`;
  // A function can read the claims, too.
  return digest(claims === undefined ? who : `${who} ${JSON.stringify(claims)}`);
}
