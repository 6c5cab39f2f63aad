import { addressKey } from "../http/address.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { memoize } from "../core/memoize.ts";
import type { Charge, Limit, NamedLimit } from "./limit.ts";

/** What identifies a bucket. */
export interface BucketIdentity {
  readonly limit: NamedLimit;
  /** The tier of the client; undefined for none. */
  readonly tier: string | undefined;
  /** The route's key; ignored unless the limit is `perRoute`. */
  readonly route: string;
  /** Whose requests it counts, from {@linkcode bucketSubject}. */
  readonly subject: string;
}

/** How many subjects of addresses and headers are memoized. */
const MAX_MEMOIZED = 10_000;
const keyOf = memoize((prefixed) => {
  const [bits = "", address = ""] = prefixed.split(" ", 2);
  return addressKey(address, Number(bits));
}, MAX_MEMOIZED);
const hashOf = memoize(fingerprint, MAX_MEMOIZED);

/** The subjects of buckets: everyone, a client, an address, or a value of the request. */
export const bucketSubject = {
  all: "all",
  client: (name: string) => `client ${name}`,
  /** @param ipv6Prefix how many leading bits of an IPv6 address count */
  ip: (address: string, ipv6Prefix: number) => `ip ${keyOf(`${ipv6Prefix} ${address}`)}`,
  /** @param header its name in lower case */
  header: (header: string, value: string) => `${header} ${hashOf(value)}`,
  /** @param source such as `claim:sub`, which no header can be called */
  value: (source: string, value: string) => `${source} ${hashOf(value)}`,
} as const;

/** The allowance of a tier; a tier that the limit does not list has that of none. */
export function allowanceOf({ tiers, allowance }: NamedLimit, tier: string | undefined): Limit {
  return (tier === undefined ? undefined : tiers.get(tier)) ?? allowance;
}

/** The charge on a bucket. */
export function chargeOf(
  { limit, tier, route, subject }: BucketIdentity,
  tokens: number,
): Charge {
  const allowance = allowanceOf(limit, tier);
  const { perMs, perToken, capacity } = allowance.shape;
  const { name, perRoute } = limit;
  // A changed rate gets a new bucket: the level of the old one means nothing in it.
  const key = [name, `${perMs}/${perToken}/${capacity}`, perRoute ? route : "", subject];
  return { key: key.join("|"), limit: allowance, tokens };
}
