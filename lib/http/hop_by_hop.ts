import { FieldList } from "../core/field_list.ts";

/** Hop-by-hop headers (RFC 9110 section 7.6.1, RFC 7540 section 3.2.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** RFC 9110 section 15.5.22. */
const UPGRADE_REQUIRED = 426;

const NONE: ReadonlySet<string> = new Set();
/** The values of `Connection` that name no header, as nearly every message has them. */
const NAMELESS = /^(?:keep-alive|close)$/i;

/** Options for headers that would pass a hop. */
export interface PassOptions {
  /** The response's status: 426 retains `Upgrade`, which names the required protocol. */
  readonly status?: number;
  /** Returns whether to remove a header, by its name in lower case (default: none). */
  readonly isRemoved?: (name: string) => boolean;
}

/** Returns a copy without hop-by-hop headers, including those that `Connection` names. */
export function endToEndHeaders(
  headers: Headers,
  { status, isRemoved }: PassOptions = {},
): FieldList {
  const named = namesIn(headers.get("connection"));
  const ends = (name: string) =>
    HOP_BY_HOP.has(name)
      ? name !== "upgrade" || status !== UPGRADE_REQUIRED
      : named.has(name) || isRemoved?.(name);
  const fields = headers instanceof FieldList ? headers : new FieldList(headers);
  return fields.filter((name) => !ends(name));
}

function namesIn(connection: string | null): ReadonlySet<string> {
  if (connection === null || NAMELESS.test(connection)) return NONE;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}
