import { addressKey } from "../http/address.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { memoize } from "../core/memoize.ts";
import type { Charge, NamedLimit } from "./limit.ts";

/** What a bucket counts. */
export interface BucketIdentity {
  readonly limit: NamedLimit;
  /** The tier of the client; undefined for none. */
  readonly tier: string | undefined;
  /** The route's key; of no matter where the limit counts all routes together. */
  readonly route: string;
  /** As {@linkcode bucketSubject} names it. */
  readonly subject: string;
}

/** Of how many is remembered what their addresses and headers are counted by. */
const REMEMBERED = 10_000;
const keyOf = memoize((prefixed) => {
  const [bits = "", address = ""] = prefixed.split(" ", 2);
  return addressKey(address, Number(bits));
}, REMEMBERED);
const hashOf = memoize(fingerprint, REMEMBERED);

/** The names of those who are counted. */
export const bucketSubject = {
  all: "all",
  client: (name: string) => `client ${name}`,
  /** @param ipv6Prefix how many bits of an IPv6 address count */
  ip: (address: string, ipv6Prefix: number) => `ip ${keyOf(`${ipv6Prefix} ${address}`)}`,
  /** @param header its name in small letters */
  header: (header: string, value: string) => `${header} ${hashOf(value)}`,
} as const;

/** What is taken of the bucket that counts that; a tier of which the limit says nothing is none. */
export function chargeOf(
  { limit, tier, route, subject }: BucketIdentity,
  tokens: number,
): Charge {
  const allowance = (tier === undefined ? undefined : limit.tiers.get(tier)) ?? limit.allowance;
  const { perMs, perToken, capacity } = allowance.shape;
  const { name, perRoute } = limit;
  // Another rate is another bucket: what was counted by the old one means nothing in the new.
  const key = [name, `${perMs}/${perToken}/${capacity}`, perRoute ? route : "", subject];
  return { key: key.join("|"), limit: allowance, tokens };
}
