import { formatRange, isIpv4Range, parseRange } from "../http/address.ts";

/** Refuses a client or an address range until a given time. */
export interface Block {
  readonly of: BlockSubject;
  /** When it was set, and when it ends (wall clock, ms since 1970). */
  readonly at: number;
  readonly until: number;
  /** The operator's note; never shown to clients. */
  readonly reason?: string;
}

/** `client NAME`, or `ip RANGE`: `ip 203.0.113.7`, `ip 198.51.100.0/24`, `ip 2001:db8:1:2::/64`. */
export type BlockSubject = `client ${string}` | `ip ${string}`;

/** The widest ranges that may be blocked (leading bits): a wider one is most likely a mistake. */
const WIDEST_V4 = 8;
const WIDEST_V6 = 16;
/** A client with one IPv6 address commonly has its whole /64: a narrower block would have no effect. */
const NARROWEST_V6 = 64;

/** Returns the subject of an address or range; undefined when it is malformed or too wide. */
export function addressSubject(text: string): BlockSubject | undefined {
  const range = parseRange(text);
  if (!range) return undefined;
  const isV4 = isIpv4Range(range);
  const bits = isV4 ? range.bits : Math.min(range.bits, NARROWEST_V6);
  if (bits < (isV4 ? 96 + WIDEST_V4 : WIDEST_V6)) return undefined;
  return `ip ${formatRange({ ...range, bits })}`;
}
