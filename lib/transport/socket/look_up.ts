/** The addresses of a name. */
export interface Resolved {
  /** In a stable order. */
  readonly addresses: readonly string[];
  /** How long they are valid (ms); undefined if the resolver does not say. */
  readonly ttlMs: number | undefined;
}

/** Looks a name up in DNS; undefined if that fails or is not permitted. */
export type LookUp = (hostname: string) => Promise<Resolved | undefined>;

/**
 * Looks up the IPv4 addresses of a name, or the IPv6 ones if it has none: the addresses of both are
 * usually the same servers. node:dns, unlike `Deno.resolveDns`, also returns the records' TTL.
 */
export async function lookUp(hostname: string): Promise<Resolved | undefined> {
  const { resolve4, resolve6 } = await import("node:dns/promises");
  for (const resolve of [resolve4, resolve6]) {
    let records: readonly unknown[];
    try {
      records = await resolve(hostname, { ttl: true });
    } catch {
      continue;
    }
    const addresses = new Set(records.flatMap((record) => addressOf(record) ?? []));
    const ttls = records.flatMap((record) => ttlOf(record) ?? []);
    if (addresses.size === 0) continue;
    return {
      addresses: [...addresses].sort(),
      ttlMs: ttls.length > 0 ? Math.min(...ttls) * 1000 : undefined,
    };
  }
  return undefined;
}

function addressOf(record: unknown): string | undefined {
  if (typeof record === "string") return record;
  const address: unknown = typeof record === "object" && record && Reflect.get(record, "address");
  return typeof address === "string" ? address : undefined;
}

function ttlOf(record: unknown): number | undefined {
  const ttl: unknown = typeof record === "object" && record && Reflect.get(record, "ttl");
  return typeof ttl === "number" ? ttl : undefined;
}
