import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError, type Kind } from "../core/errors.ts";
import type { Context, Reply } from "../core/source.ts";
import { type CacheResponse, fromStored, staleOnError } from "./cache_response.ts";
import type { CacheStatus, Forwarded } from "./cache_status.ts";
import {
  canFreshen,
  conditionalHeaders,
  mergeHeaders,
  unconditionalHeaders,
} from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";
import { isStorableFor, type Lookup } from "./lookup.ts";
import { combined, partOf, restHeaders, wholeOf } from "./parts.ts";
import { datedHeaders, type ForwardDetails, type ReceivedResponses } from "./received_responses.ts";
import type { StoredPart, StoredParts } from "./stored_parts.ts";
import type { StoredResponse, StoredResponses } from "./stored_responses.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** Dependencies of {@linkcode ForwardedRequests}. */
export interface ForwardedRequestsOptions {
  readonly stored: StoredResponses;
  readonly parts: StoredParts;
  readonly received: ReceivedResponses;
  readonly clock: Clock;
}

/** Failures on which a stale response may be served (RFC 5861 section 4). */
const STALE_IF_ERROR_KINDS: ReadonlySet<Kind> = new Set([
  "breaker-open",
  "not-begun",
  "overloaded",
  "upstream-error",
  "upstream-invalid",
  "upstream-timeout",
  "upstream-unreachable",
]);
/** Failures that leave the cache disconnected from its origin (RFC 9111 section 4.2.4). */
const DISCONNECTED_KINDS: ReadonlySet<Kind> = new Set(["breaker-open", "upstream-unreachable"]);
const STALE_IF_ERROR_STATUS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** A request that was forwarded. */
interface Forwarding extends ForwardDetails {
  readonly lookup: Lookup;
  readonly stored: StoredResponse | undefined;
  /** The stored response that a 304 would freshen. */
  readonly validated: CacheEntry | undefined;
}

/** Forwards requests: to validate what is stored, to complete a part, or for a new response. */
export class ForwardedRequests {
  readonly #options: ForwardedRequestsOptions;

  constructor(options: ForwardedRequestsOptions) {
    this.#options = options;
  }

  /**
   * Forwards one request, conditionally where a stored response can be validated.
   * @throws the upstream's error, unless a stale response may be served instead
   */
  forward(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    const part = stored ? undefined : this.#findPart(lookup);
    return part
      ? part.then((part) => this.#forwardWithPart(lookup, part, ctx))
      : this.#forwardNow(lookup, stored, ctx);
  }

  async #forwardWithPart(
    lookup: Lookup,
    part: StoredPart | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    return await this.#completePart(lookup, part, ctx) ??
      await this.#forwardNow(lookup, undefined, ctx);
  }

  #forwardNow(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    const { call, next, requested, isRange } = lookup;
    // On a method that is not safe by itself, If-None-Match means something else (RFC 9110 section 13.1.2).
    const isUnusable = stored?.reuse.use === "none" || requested.has("no-store") || call.isSafe;
    const entry = isUnusable ? undefined : stored?.entry;
    const conditional = entry && conditionalHeaders(call.headers, entry);
    const forwarded: Forwarding = {
      lookup,
      stored,
      validated: conditional && entry,
      fwd: this.#options.stored.forwardReason(lookup, stored),
      requestedAt: this.#options.clock.wall(),
      buffers: ctx.buffers,
    };
    // A range request has the client's own conditions: they hold for the part.
    const headers = conditional ?? (isRange ? call.headers : unconditionalHeaders(call.headers));
    return next(headers === call.headers ? call : { ...call, headers }, ctx).then(
      (reply) => {
        if (STALE_IF_ERROR_STATUS.has(reply.status)) return this.#onServerError(forwarded, reply);
        return reply.status === 304 && conditional
          ? this.#onNotModified(forwarded, reply, ctx)
          : this.#options.received.receive(lookup, reply, forwarded);
      },
      (error) => this.#onFailure(forwarded, error),
    );
  }

  async #onFailure({ lookup, stored, fwd }: Forwarding, error: unknown): Promise<CacheResponse> {
    const kept = await this.#storedForFailure(lookup, stored);
    if (!kept || !mayServeStaleOn(error, kept)) throw error;
    return this.#staleOnError(lookup, kept, { fwd });
  }

  async #onServerError(forwarded: Forwarding, reply: Reply): Promise<CacheResponse> {
    const { lookup, stored, fwd } = forwarded;
    const kept = await this.#storedForFailure(lookup, stored);
    if (!kept?.reuse.mayServeOnError) {
      return this.#options.received.receive(lookup, reply, forwarded);
    }
    await reply.body.cancel();
    return this.#staleOnError(lookup, kept, { fwd, fwdStatus: reply.status });
  }

  async #onNotModified(
    { lookup, validated, requestedAt, fwd }: Forwarding,
    reply: Reply,
    ctx: Context,
  ): Promise<CacheResponse> {
    await reply.body.cancel();
    return validated && canFreshen(reply.headers, validated)
      ? await this.#freshen(lookup, validated, { reply, requestedAt, fwd })
      : await this.forward(lookup, undefined, ctx);
  }

  /** What is stored, also in the store if that was not worth reading before the origin failed. */
  async #storedForFailure(
    lookup: Lookup,
    stored: StoredResponse | undefined,
  ): Promise<StoredResponse | undefined> {
    lookup.run.end();
    if (stored || !lookup.isInMemoryAlone) return stored;
    return await this.#options.stored.findInStore(lookup);
  }

  /** Freshens a stored response with a 304 (RFC 9111 section 4.3.4). */
  async #freshen(
    lookup: Lookup,
    entry: CacheEntry,
    { reply, requestedAt, fwd }: {
      readonly reply: Reply;
      readonly requestedAt: number;
      readonly fwd: Forwarded;
    },
  ): Promise<CacheResponse> {
    const { stored, received, clock } = this.#options;
    const receivedAt = clock.wall();
    const headers = mergeHeaders(entry.headers, datedHeaders(reply.headers, receivedAt));
    const isAuthorized = entry.isAuthorized || lookup.isAuthorized;
    const selection = selectionKey(varyNames(headers), lookup.call.headers);
    const freshened = { ...entry, headers, requestedAt, receivedAt, isAuthorized, selection };
    const cacheStatus = { fwd, fwdStatus: 304 };
    if (isStorableFor(lookup, freshened)) return received.store(lookup, freshened, cacheStatus);
    await stored.delete(lookup);
    return received.passOn(lookup, { ...freshened, cacheStatus });
  }

  /** The part that a request for the whole can complete. */
  #findPart(lookup: Lookup): Promise<StoredPart | undefined> | undefined {
    const { call, requested, isRange } = lookup;
    const isPlain = requested.size === 0 && call.method === "GET" && !isRange;
    return isPlain ? this.#options.parts.find(lookup) : undefined;
  }

  /**
   * Requests what is missing of a stored part, or takes the whole where the origin sends that
   * (RFC 9111 section 3.4). Undefined when there is no part, or it could not be completed.
   */
  async #completePart(
    lookup: Lookup,
    part: StoredPart | undefined,
    ctx: Context,
  ): Promise<CacheResponse | undefined> {
    const { call, next, scope } = lookup;
    const { parts, received, clock } = this.#options;
    const headers = part && restHeaders(unconditionalHeaders(call.headers), part);
    if (!part || !headers || (part.size ?? Infinity) > scope.maxEntryBytes) return undefined;
    const requestedAt = clock.wall();
    const reply = await next({ ...call, headers }, ctx);
    if (reply.status === 416) {
      await reply.body.cancel();
      return undefined;
    }
    if (reply.status !== 206) {
      const details = { fwd: "partial", requestedAt, buffers: ctx.buffers } as const;
      return await received.receive(lookup, reply, details);
    }
    const metadata = received.metadataOf(lookup, reply, requestedAt);
    if (!isStorableFor(lookup, metadata)) {
      await reply.body.cancel();
      return undefined;
    }
    const bytes = await reply.body.bytes(scope.maxEntryBytes).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const rest = await partOf({ ...part.entry, ...metadata, body: Body.of(bytes) });
    const whole = rest && wholeOf(combined(part, rest));
    if (!whole) return undefined;
    parts.delete(lookup);
    return received.store(lookup, whole, { fwd: "partial", fwdStatus: 206 });
  }

  #staleOnError(
    { settings }: Lookup,
    { entry, reuse }: StoredResponse,
    cacheStatus: CacheStatus,
  ): CacheResponse {
    return staleOnError(
      fromStored(entry, reuse, settings, this.#options.clock.wall()),
      cacheStatus,
    );
  }
}

/** Whether a stored response may be served stale because of this error. */
function mayServeStaleOn(error: unknown, { reuse }: StoredResponse): boolean {
  if (!(error instanceof GatewayError)) return false;
  if (DISCONNECTED_KINDS.has(error.kind)) return reuse.mayServeDisconnected;
  return reuse.mayServeOnError && STALE_IF_ERROR_KINDS.has(error.kind);
}
