/** What a client prefers, of what the gateway knows (RFC 7240). */
export interface Preferences {
  /** `strict`: any failed part fails the whole (section 4.4). */
  readonly handling?: "strict" | "lenient";
  /** How long the client wants to wait (ms; section 4.3). */
  readonly waitMs?: number;
}

const NONE: Preferences = {};

/**
 * Reads the `Prefer` header. What is unknown or malformed is not preferred, and of two equal names
 * the first counts (section 2).
 */
export function readPreferences(headers: Headers): Preferences {
  const value = headers.get("prefer");
  if (value === null) return NONE;
  const preferred = new Map<string, string>();
  for (const preference of value.split(",")) {
    const [, name = "", text = ""] =
      /^\s*([\w-]+)(?:\s*=\s*"?([^\s;"]*)"?)?\s*(?:;.*)?$/.exec(preference) ?? [];
    if (!preferred.has(name.toLowerCase())) preferred.set(name.toLowerCase(), text);
  }
  const handling = preferred.get("handling")?.toLowerCase();
  const wait = preferred.get("wait") ?? "";
  return {
    ...(handling === "strict" || handling === "lenient" ? { handling } : {}),
    ...(/^\d{1,9}$/.test(wait) ? { waitMs: Number(wait) * 1000 } : {}),
  };
}
