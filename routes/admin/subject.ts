import { parseAddress } from "../../lib/http/address.ts";
import type { KeySourceSettings, LimitSettings } from "../../lib/config/limit.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { bucketSubject } from "../../lib/limiter/bucket_key.ts";
import type { Client } from "../../lib/core/source.ts";

/** A client, an address, a header's value or everyone, as the operator names them in a query. */
export interface Subject {
  /** As in the keys of buckets. */
  readonly who: string;
  /** What a block may match. */
  readonly client: Partial<Client>;
  /** Whether a limit may have a bucket for it. */
  readonly isCountedBy: (limit: LimitSettings) => boolean;
}

/** The values of a request that limits can count by. */
const VALUES = ["header", "claim", "cookie", "query", "param"] as const;

/** The parameters that name a subject; exactly one is required. */
export const SUBJECTS = ["client", "ip", "all", ...VALUES] as const;

const RULE =
  "exactly one of client=NAME, ip=ADDRESS, all, and header, claim, cookie, query or param " +
  "=NAME:VALUE is required";
const CLIENT = /^[^\p{Cc}]{1,200}$/u;
const NAMED = /^([!#$%&'*+.^_`|~\w-]{1,100}):\s*(\S.*)$/s;

/**
 * Reads the subject of a query.
 * @param ipv6Prefix how many leading bits of an IPv6 address identify a client
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
    // Every limit may count by address: that is the fallback.
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
  const [, given = "", shown = ""] = NAMED.exec(value) ?? [];
  if (shown === "") throw new GatewayError("bad-request", `${named} must be NAME:VALUE`);
  const name = named === "header" ? given.toLowerCase() : given;
  return {
    who: named === "header"
      ? bucketSubject.header(name, shown)
      : bucketSubject.value(`${named}:${name}`, shown),
    client: {},
    isCountedBy: counts((source) =>
      typeof source === "object" && source.from === named && source.name === name
    ),
  };
}

/**
 * Checks a client's name, which the config or a record in the store may have.
 * @throws {GatewayError} `bad-request`
 */
export function clientName(text: string): string {
  if (CLIENT.test(text)) return text;
  throw new GatewayError(
    "bad-request",
    "a client's name must have 1 to 200 characters, none of them a control character",
  );
}

function counts(
  isIt: (source: KeySourceSettings) => boolean,
): (limit: LimitSettings) => boolean {
  return ({ by }) => by.some(isIt);
}
