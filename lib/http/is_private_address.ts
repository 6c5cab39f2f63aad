import { type AddressBytes, isIpv4, isWithin, parseAddress, parseRange } from "./address.ts";

/**
 * What is not on the public Internet, of the IANA registries of special-purpose addresses (RFC 6890):
 * this host, private and shared networks, link-local addresses (with the metadata services of clouds),
 * documentation, benchmarks, multicast, and what is reserved.
 */
const RANGES = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
  "::/127",
  "64:ff9b:1::/48",
  "100::/64",
  "2001:db8::/32",
  "3fff::/20",
  "5f00::/16",
  "fc00::/7",
  "fe80::/9",
  "ff00::/8",
].flatMap((range) => parseRange(range) ?? []);

/** Prefixes of IPv6 addresses that stand for an IPv4 address, and where in them it is (bytes). */
const EMBEDDING = [
  { prefix: "::/96", at: 12 }, // IPv4-compatible (RFC 4291 section 2.5.5.1)
  { prefix: "64:ff9b::/96", at: 12 }, // NAT64 (RFC 6052)
  { prefix: "2002::/16", at: 2 }, // 6to4 (RFC 3056)
].flatMap(({ prefix, at }) => {
  const range = parseRange(prefix);
  return range ? [{ range, at }] : [];
});

/** Whether an address is not on the public Internet, or is none that can be read. */
export function isPrivateAddress(text: string): boolean {
  const bytes = parseAddress(text);
  return bytes === undefined || isPrivate(bytes);
}

function isPrivate(bytes: AddressBytes): boolean {
  if (isWithin(bytes, RANGES)) return true;
  if (isIpv4(bytes)) return false;
  const found = EMBEDDING.find(({ range }) => isWithin(bytes, [range]));
  return found !== undefined &&
    isPrivateAddress(bytes.slice(found.at, found.at + 4).join("."));
}
