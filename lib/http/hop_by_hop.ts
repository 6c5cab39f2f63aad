/** Headers that speak of one connection alone (RFC 9110 section 7.6.1, RFC 7540 section 3.2.1). */
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

/** What else decides about headers that would pass a hop. */
export interface PassOptions {
  /** Of a response: 426 keeps `Upgrade`, which says what the client must switch to. */
  readonly status?: number;
  /** Told each name in lower case: true where the header goes no further (default: none). */
  readonly isRemoved?: (name: string) => boolean;
}

/** A copy without the headers that end at this hop, those that `Connection` names among them. */
export function endToEndHeaders(
  headers: Headers,
  { status, isRemoved }: PassOptions = {},
): Headers {
  const kept = new Headers();
  const named = namesIn(headers.get("connection"));
  const ends = (name: string) =>
    HOP_BY_HOP.has(name)
      ? name !== "upgrade" || status !== UPGRADE_REQUIRED
      : named.has(name) || isRemoved?.(name);
  // Deno's iterators, and its constructor that copies, cost ten times as much as this.
  headers.forEach((value, name) => {
    if (!ends(name)) kept.append(name, value);
  });
  return kept;
}

function namesIn(connection: string | null): ReadonlySet<string> {
  if (connection === null) return NONE;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}
