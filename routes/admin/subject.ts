import { parseAddress } from "../../lib/http/address.ts";
import type { KeySourceSettings, LimitSettings } from "../../lib/config/limit.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { bucketSubject } from "../../lib/limiter/bucket_key.ts";
import type { Client } from "../../lib/core/source.ts";

/** Somebody whose requests are counted, as the operator names them. */
export interface Subject {
  /** As it stands in the keys of buckets. */
  readonly who: string;
  /** What bans may know of it. */
  readonly client: Partial<Client>;
  /** Whether a limit may count it. */
  readonly isCountedBy: (limit: LimitSettings) => boolean;
}

/** The parameters that name somebody; one of them must be there. */
export const SUBJECTS = ["client", "ip", "header", "all"] as const;

const RULE = "say whose buckets: client=NAME, ip=ADDRESS, header=NAME:VALUE or all";
const CLIENT = /^[^\p{Cc}]{1,200}$/u;
const HEADER = /^([!#$%&'*+.^_`|~\w-]{1,100}):\s*(\S.*)$/s;

/**
 * Whom a query means.
 * @param ipv6Prefix how many bits of an IPv6 address count
 * @throws {GatewayError} `bad-request`
 */
export function subjectOf(
  query: ReadonlyMap<(typeof SUBJECTS)[number] | string, string>,
  ipv6Prefix: number,
): Subject {
  const [named, ...others] = SUBJECTS.filter((name) => query.has(name));
  const value = query.get(named ?? "") ?? "";
  if (named === undefined || others.length > 0) throw new GatewayError("bad-request", RULE);
  if (named === "all") {
    return {
      who: bucketSubject.all,
      client: {},
      isCountedBy: counts((source) => source === "all"),
    };
  }
  if (named === "ip") {
    if (!parseAddress(value)) throw new GatewayError("bad-request", "ip must be one IP address");
    // Whoever is nobody else is counted by its address, under every limit.
    return {
      who: bucketSubject.ip(value, ipv6Prefix),
      client: { address: value },
      isCountedBy: () => true,
    };
  }
  if (named === "client") {
    return {
      who: bucketSubject.client(clientName(value)),
      client: { name: value },
      isCountedBy: counts((source) => source === "client"),
    };
  }
  const [, header = "", shown = ""] = HEADER.exec(value) ?? [];
  if (shown === "") throw new GatewayError("bad-request", "header must be NAME:VALUE");
  const name = header.toLowerCase();
  return {
    who: bucketSubject.header(name, shown),
    client: {},
    isCountedBy: counts((source) => typeof source === "object" && source.header === name),
  };
}

/**
 * A client's name, as any config or record may have it.
 * @throws {GatewayError} `bad-request`
 */
export function clientName(text: string): string {
  if (CLIENT.test(text)) return text;
  throw new GatewayError("bad-request", "a client's name has 1 to 200 characters, and no control");
}

function counts(
  isIt: (source: KeySourceSettings) => boolean,
): (limit: LimitSettings) => boolean {
  return ({ by }) => by.some(isIt);
}
