/** An IP address as 16 bytes; IPv4 as an IPv4-mapped address (RFC 4291 section 2.5.5.2). */
export type AddressBytes = readonly number[];

const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff] as const;
/** The prefix that one customer commonly gets (RFC 6177), with free choice of addresses in it. */
const CUSTOMER_BYTES = 8;

/** Parses `192.0.2.1`, `2001:db8::1` or `::ffff:192.0.2.1`; undefined for anything else. */
export function parseAddress(text: string): AddressBytes | undefined {
  const v4 = parseIpv4(text);
  if (v4) return [...MAPPED_PREFIX, ...v4];
  return text.includes(":") ? parseIpv6(text) : undefined;
}

/**
 * Returns the key by which an address is counted: IPv4 in its canonical form, IPv6 by its prefix.
 * Anything that is not an address is its own key.
 * @param ipv6Prefix prefix length for IPv6 addresses (default 64 bits)
 */
export function addressKey(text: string, ipv6Prefix: number = 8 * CUSTOMER_BYTES): string {
  const bytes = parseAddress(text);
  if (!bytes) return text;
  return formatRange({ bytes, bits: isIpv4(bytes) ? 128 : ipv6Prefix });
}

/** A range of addresses. */
export interface AddressRange {
  readonly bytes: AddressBytes;
  /** Prefix length, of 128 bits. */
  readonly bits: number;
}

/** Parses `10.0.0.0/8`, `2001:db8::/32` or one address; undefined for anything else. */
export function parseRange(text: string): AddressRange | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bytes = parseAddress(address);
  if (!bytes || rest.length > 0) return undefined;
  const most = parseIpv4(address) ? 32 : 128;
  if (length === undefined) return { bytes, bits: 128 };
  if (!/^\d{1,3}$/.test(length) || Number(length) > most) return undefined;
  return { bytes, bits: 128 - most + Number(length) };
}

/**
 * Formats a range canonically, without host bits: `192.0.2.1`, `192.0.2.0/24`, `2001:db8:0:0::/32`.
 * IPv6 has at least 4 groups.
 */
export function formatRange({ bytes, bits }: AddressRange): string {
  const masked = bytes.map((byte, index) =>
    byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index)))
  );
  if (isIpv4Range({ bytes, bits })) {
    return masked.slice(12).join(".") + (bits === 128 ? "" : `/${bits - 96}`);
  }
  const groups = Array.from(
    { length: Math.max(CUSTOMER_BYTES / 2, Math.ceil(bits / 16)) },
    (_, index) => (((masked[2 * index] ?? 0) << 8) | (masked[2 * index + 1] ?? 0)).toString(16),
  );
  return `${groups.join(":")}${groups.length < 8 ? "::" : ""}/${bits}`;
}

/** Whether a range contains only IPv4 addresses. */
export function isIpv4Range({ bytes, bits }: AddressRange): boolean {
  return bits >= 8 * MAPPED_PREFIX.length && isIpv4(bytes);
}

/** Whether one of the ranges contains the address. */
export function isWithin(address: AddressBytes, ranges: readonly AddressRange[]): boolean {
  return ranges.some(({ bytes, bits }) =>
    address.every((byte, index) => {
      const counting = Math.min(8, Math.max(0, bits - 8 * index));
      return (byte >> (8 - counting)) === ((bytes[index] ?? 0) >> (8 - counting));
    })
  );
}

/** Whether an address is IPv4, in any notation. */
export function isIpv4(bytes: AddressBytes): boolean {
  return MAPPED_PREFIX.every((byte, index) => bytes[index] === byte);
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  // No leading zeros: some read them as octal, and two readings are two addresses.
  const isWell = parts.length === 4 && parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part));
  const bytes = parts.map(Number);
  return isWell && bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  // A zone names an interface, not a host.
  const [head = "", tail, ...rest] = text.replace(/%.*$/, "").split("::");
  if (rest.length > 0) return undefined;
  // The dotted form is only allowed at the end of an address.
  const before = parseGroups(head, tail === undefined);
  const after = tail === undefined ? [] : parseGroups(tail, true);
  if (!before || !after) return undefined;
  const missing = 16 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

/** Parses groups of hex digits to bytes; the last may be an IPv4 address, at the address's end. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    const v4 = isEnd && index === groups.length - 1 ? parseIpv4(group) : undefined;
    if (v4) bytes.push(...v4);
    else if (/^[\da-fA-F]{1,4}$/.test(group)) {
      bytes.push(parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff);
    } else return undefined;
  }
  return bytes;
}
