import { deltaMs, parseDirectives } from "../cache/directives.ts";
import type { Clock } from "../core/clock.ts";
import { FieldList } from "../core/field_list.ts";
import { isRecord } from "../core/is_record.ts";
import type { Reply, Source } from "../core/source.ts";
import type { FetchedKeys } from "./key_set.ts";

/** The largest document that is read (bytes). */
const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 10_000;

/** Where an issuer publishes its keys. */
export interface PublishedKeysOptions {
  readonly issuer: string;
  /** Calls the issuer. */
  readonly source: Source;
  /** The path of the keys, or of the discovery document that says where they are. */
  readonly path: string;
  readonly isDiscovered: boolean;
  /** Calls the origin that a discovery document names. */
  readonly sourceAt: (origin: string) => Source;
  readonly clock: Clock;
}

/**
 * Returns what fetches an issuer's keys, which its discovery document may name (OpenID Connect
 * Discovery 1.0, section 4.3: that must be the issuer's own).
 */
export function publishedKeys(options: PublishedKeysOptions): () => Promise<FetchedKeys> {
  const { issuer, source, path, isDiscovered, sourceAt, clock } = options;
  const get = (from: Source, path: string) => fetchDocument(from, path, clock);
  return async () => {
    if (!isDiscovered) return await get(source, path);
    const { document } = await get(source, path);
    if (!isRecord(document) || document.issuer !== issuer) {
      throw new Error("the discovery document is not the issuer's");
    }
    const url = URL.parse(String(document.jwks_uri));
    if (!url || !/^https?:$/.test(url.protocol)) {
      throw new Error("the discovery document names no keys (jwks_uri)");
    }
    return await get(sourceAt(url.origin), url.pathname + url.search);
  };
}

async function fetchDocument(source: Source, path: string, clock: Clock): Promise<FetchedKeys> {
  const headers = FieldList.of({ accept: "application/json", "user-agent": "sluice" });
  const reply = await source({ method: "GET", path, headers }, {
    signal: AbortSignal.timeout(TIMEOUT_MS),
    deadline: clock.monotonic() + TIMEOUT_MS,
    client: { address: "" },
    trace: { id: "", parts: [] },
    background: () => {},
  });
  if (reply.status !== 200) {
    await reply.body.cancel();
    throw new Error(`the issuer answered ${reply.status}`);
  }
  return { document: await reply.body.json(MAX_BYTES), freshMs: freshMsOf(reply) };
}

function freshMsOf({ headers }: Reply): number | undefined {
  const directives = parseDirectives(headers.get("cache-control"));
  if (directives.has("no-store") || directives.has("no-cache")) return 0;
  return deltaMs(directives, "max-age");
}
