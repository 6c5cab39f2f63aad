import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { fingerprint } from "../core/fingerprint.ts";
import type { Context, Reply } from "../core/source.ts";
import { parseContentRange } from "../http/byte_ranges.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { type CacheResponse, fromOrigin } from "./cache_response.ts";
import type { CacheStatus, Forwarded } from "./cache_status.ts";
import type { CollapsedRequests } from "./collapsed_requests.ts";
import type { CacheEntry, ResponseMetadata } from "./entry.ts";
import { Fill } from "./fill.ts";
import { isStorableFor, type Lookup } from "./lookup.ts";
import type { StoredParts } from "./stored_parts.ts";
import type { StoredResponses } from "./stored_responses.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** Dependencies of {@linkcode ReceivedResponses}. */
export interface ReceivedResponsesOptions {
  readonly stored: StoredResponses;
  readonly parts: StoredParts;
  readonly collapsed: CollapsedRequests;
  readonly clock: Clock;
}

/** How a response was requested. */
export interface ForwardDetails {
  readonly fwd: Forwarded;
  /** Wall clock (ms since 1970). */
  readonly requestedAt: number;
  readonly buffers: Context["buffers"];
}

/** Stores responses of the origin, as far as they may be stored (RFC 9111 section 3). */
export class ReceivedResponses {
  readonly #options: ReceivedResponsesOptions;

  constructor(options: ReceivedResponsesOptions) {
    this.#options = options;
  }

  /** Passes a new response on, and stores it while its body streams if it may be stored. */
  receive(
    lookup: Lookup,
    reply: Reply,
    details: ForwardDetails,
  ): CacheResponse | Promise<CacheResponse> {
    const { requested, run } = lookup;
    const metadata = this.metadataOf(lookup, reply, details.requestedAt);
    if (mayStore(lookup, reply, metadata)) {
      run.end();
      return this.#receiveStorable(lookup, reply, metadata, details);
    }
    if (reply.status >= 500) run.end();
    else if (!requested.has("no-store") && !lookup.isRange) run.add();
    return this.#passOnReply(lookup, reply, metadata, details);
  }

  async #receiveStorable(
    lookup: Lookup,
    reply: Reply,
    metadata: ResponseMetadata,
    details: ForwardDetails,
  ): Promise<CacheResponse> {
    const { call, scope, url } = lookup;
    const { status, body } = reply;
    const { headers } = metadata;
    const { fwd, buffers } = details;
    const cacheStatus = { fwd, fwdStatus: status };
    const isStored = body.isWhole
      ? scope.isWorthStoring?.(reply) ?? true
      : buffers?.tryTake(body.length ?? scope.maxEntryBytes) ?? true;
    if (!isStored) return this.#passOnReply(lookup, reply, metadata, details);
    if (scope.generatesEtags && !headers.has("etag") && body.isWhole) {
      headers.set("etag", `"${fingerprint(await textOf(body, scope.maxEntryBytes))}"`);
    }
    const selection = selectionKey(varyNames(headers), call.headers);
    const entry: CacheEntry = { ...metadata, body, selection, url };
    if (status === 206) return this.#fillPart(lookup, entry, cacheStatus);
    if (body.isWhole) return this.store(lookup, entry, cacheStatus);
    return this.#fill(lookup, entry, cacheStatus);
  }

  /** Stores a whole response, and returns it. */
  store(lookup: Lookup, entry: CacheEntry, cacheStatus: CacheStatus): CacheResponse {
    const { stored, collapsed } = this.#options;
    stored.store(lookup, entry);
    const response = this.#fromOrigin(lookup, entry, cacheStatus);
    collapsed.record(lookup, response);
    return response;
  }

  /** Returns a response that is not stored. */
  passOn(
    lookup: Lookup,
    facts: Omit<CacheResponse, "shared" | "freshMs">,
  ): CacheResponse {
    const response = { ...facts, shared: undefined, freshMs: undefined };
    this.#options.collapsed.record(lookup, response);
    return response;
  }

  #passOnReply(
    lookup: Lookup,
    { status, body, cached }: Reply,
    { headers }: ResponseMetadata,
    { fwd }: ForwardDetails,
  ): CacheResponse {
    return this.passOn(lookup, {
      status,
      headers,
      hasOwnHeaders: true,
      body,
      cacheStatus: { fwd, fwdStatus: status },
      isStale: cached?.isStale ?? false,
    });
  }

  /** What decides whether a response may be stored; the time of receipt where it has no `Date`. */
  metadataOf(
    { isAuthorized }: Lookup,
    { status, headers }: Reply,
    requestedAt: number,
  ): ResponseMetadata {
    const receivedAt = this.#options.clock.wall();
    const dated = datedHeaders(headers, receivedAt, status);
    return { status, headers: dated, requestedAt, receivedAt, isAuthorized };
  }

  #fill(lookup: Lookup, entry: CacheEntry, cacheStatus: CacheStatus): CacheResponse {
    const { stored, collapsed } = this.#options;
    const { maxEntryBytes } = lookup.scope;
    const fill = new Fill(entry.body, maxEntryBytes, async (isWhole) => {
      if (isWhole) {
        const body = Body.of(await entry.body.bytes(maxEntryBytes));
        stored.store(lookup, { ...entry, body });
      }
      remove();
    });
    const response = { ...this.#fromOrigin(lookup, entry, cacheStatus), fill };
    const remove = collapsed.addFill(lookup, { entry, response });
    collapsed.record(lookup, response);
    return response;
  }

  #fillPart(lookup: Lookup, entry: CacheEntry, cacheStatus: CacheStatus): CacheResponse {
    const { maxEntryBytes } = lookup.scope;
    const fill = new Fill(entry.body, maxEntryBytes, async (isWhole) => {
      if (!isWhole) return;
      const body = Body.of(await entry.body.bytes(maxEntryBytes));
      await this.#options.parts.store(lookup, { ...entry, body });
    });
    return { ...this.#fromOrigin(lookup, entry, cacheStatus), fill, shared: undefined };
  }

  #fromOrigin({ settings }: Lookup, entry: CacheEntry, status: CacheStatus): CacheResponse {
    return fromOrigin(entry, settings, status, this.#options.clock.wall());
  }
}

/** The end-to-end headers of a response, with the time of receipt where it has no `Date`. */
export function datedHeaders(headers: Headers, receivedAt: number, status?: number): Headers {
  const dated = endToEndHeaders(headers, status === undefined ? {} : { status });
  if (!dated.has("date")) dated.set("date", new Date(receivedAt).toUTCString());
  return dated;
}

/** Whether a response may be stored, by its request, its metadata and the length it states. */
function mayStore(lookup: Lookup, { body, failures }: Reply, metadata: ResponseMetadata): boolean {
  const { requested, scope } = lookup;
  const isPart = metadata.status === 206;
  return !requested.has("no-store") && failures === undefined &&
    (body.length ?? 0) <= scope.maxEntryBytes && isStorableFor(lookup, metadata) &&
    (!isPart ||
      (lookup.isRange &&
        parseContentRange(metadata.headers.get("content-range")) !== undefined));
}

async function textOf(body: Body, limit: number): Promise<string> {
  return new TextDecoder().decode(await body.bytes(limit));
}
