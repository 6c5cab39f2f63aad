import { formatRange, isIpv4Range, parseRange } from "../http/address.ts";

/** Somebody who may ask nothing for a time. */
export interface Block {
  readonly of: BlockSubject;
  /** When it was pronounced, and when it ends (wall clock, ms since 1970). */
  readonly at: number;
  readonly until: number;
  /** The operator's own note, which no client sees. */
  readonly reason?: string;
}

/** A client by its name, or addresses: `ip 203.0.113.7`, `ip 198.51.100.0/24`, `ip 2001:db8:1:2::/64`. */
export type BlockSubject = `client ${string}` | `ip ${string}`;

/** The widest ranges that may be banned (leading bits): beyond them it is most likely a slip. */
const WIDEST_V4 = 8;
const WIDEST_V6 = 16;
/** An IPv6 address is its owner's whole /64: a narrower ban would be none. */
const NARROWEST_V6 = 64;

/** How an address or a range of them is banned; undefined for what is none, or far too wide. */
export function addressSubject(text: string): BlockSubject | undefined {
  const range = parseRange(text);
  if (!range) return undefined;
  const isV4 = isIpv4Range(range);
  const bits = isV4 ? range.bits : Math.min(range.bits, NARROWEST_V6);
  if (bits < (isV4 ? 96 + WIDEST_V4 : WIDEST_V6)) return undefined;
  return `ip ${formatRange({ ...range, bits })}`;
}
