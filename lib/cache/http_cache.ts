import { abortable } from "@std/async";
import type { Clock } from "../core/clock.ts";
import { isSafe } from "../core/is_safe.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import { waitIn } from "../core/span.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import {
  type CacheResponse,
  discard,
  fromStored,
  onlyIfCachedMiss,
  replyTo,
  staleOnError,
} from "./cache_response.ts";
import { addCacheStatus, type Forwarded } from "./cache_status.ts";
import { CollapsedRequests } from "./collapsed_requests.ts";
import { ForwardedRequests } from "./forwarded_requests.ts";
import { headInvalidates, invalidatedUrls } from "./invalidation.ts";
import { forWhole, type Lookup, lookupOf } from "./lookup.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { OpenScope } from "./open_scope.ts";
import { sliceOf } from "./parts.ts";
import { ReceivedResponses } from "./received_responses.ts";
import { StoredParts } from "./stored_parts.ts";
import {
  type StoredResponse,
  StoredResponses,
  type StoredResponsesOptions,
} from "./stored_responses.ts";

/** Dependencies of the cache of a process. */
export interface HttpCacheOptions extends StoredResponsesOptions {
  /** Where partial responses (206) are stored: in this process alone. */
  readonly parts: MemoryTier;
  readonly clock: Clock;
  /** The cache's name in `Cache-Status`. */
  readonly pseudonym: string;
  /** How long revalidation in the background may take (ms). */
  readonly refreshMs: number;
}

/** How many requests were served from the cache, and how many were not. */
interface Counts {
  hits: number;
  misses: number;
}

/** A shared HTTP cache (RFC 9111) for the responses of upstreams and of whole aggregates. */
export class HttpCache {
  readonly #options: HttpCacheOptions;
  readonly #stored: StoredResponses;
  readonly #parts: StoredParts;
  readonly #collapsed: CollapsedRequests;
  readonly #forwarded: ForwardedRequests;
  readonly #counts: Counts;

  /** @param named the cache that this one is, under another name */
  constructor(options: HttpCacheOptions, named?: HttpCache) {
    this.#options = options;
    if (named) {
      this.#stored = named.#stored;
      this.#parts = named.#parts;
      this.#collapsed = named.#collapsed;
      this.#forwarded = named.#forwarded;
      this.#counts = named.#counts;
      return;
    }
    const { purges, parts, clock } = options;
    this.#counts = { hits: 0, misses: 0 };
    const stored = this.#stored = new StoredResponses(options);
    this.#parts = new StoredParts({ parts, stored, purges, clock });
    this.#collapsed = new CollapsedRequests({ stored, purges, clock });
    const shared = { stored, parts: this.#parts, clock };
    const received = new ReceivedResponses({ ...shared, collapsed: this.#collapsed });
    this.#forwarded = new ForwardedRequests({ ...shared, received });
  }

  /** How many requests were served from the cache, and how many were not. */
  get stats(): Readonly<Counts> {
    return { ...this.#counts };
  }

  /** Returns this cache under another name in `Cache-Status`: the name depends on the config. */
  named(pseudonym: string): HttpCache {
    return new HttpCache({ ...this.#options, pseudonym }, this);
  }

  /** Serves a stored response where it may be reused; else forwards, and stores what it may. */
  respond(open: OpenScope, call: Call, ctx: Context, next: Source): Promise<Reply> {
    const lookup = lookupOf(open, call, ctx.client, next);
    if (!isSafe(call)) return this.#forwardUnsafe(lookup, ctx);
    if (!isCacheable(call)) {
      return next(call, ctx).then((reply) => this.#passOn(reply, "method"));
    }
    const found = this.#stored.find(lookup);
    if (found !== undefined || !this.#collapsed.isPassedOn(lookup)) {
      return this.#respond(lookup, found, ctx);
    }
    this.#counts.misses++;
    return this.#forward(lookup, undefined, ctx);
  }

  async #respond(
    lookup: Lookup,
    found: StoredResponse | undefined | Promise<StoredResponse | undefined>,
    ctx: Context,
  ): Promise<Reply> {
    const { call } = lookup;
    const stored = found instanceof Promise ? await waitIn(ctx.span, "cache lookup", found) : found;
    if (stored && (stored.reuse.use === "fresh" || stored.reuse.use === "stale")) {
      if (stored.reuse.use === "stale") this.#revalidateInBackground(lookup, stored, ctx);
      this.#counts.hits++;
      return this.#reply(this.#fromStored(lookup, stored), call);
    }
    if (lookup.isRange) return this.#respondToRange(lookup, stored, ctx);
    this.#counts.misses++;
    if (lookup.requested.has("only-if-cached")) return onlyIfCachedMiss();
    if (call.method === "HEAD") return this.#forwardHead(lookup, stored, ctx);
    return this.#forwardOnce(lookup, stored, ctx);
  }

  /** Serves a range from a stored part that contains it; else forwards the request for itself alone. */
  async #respondToRange(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<Reply> {
    const { call, requested } = lookup;
    const part = await this.#parts.find(lookup);
    const slice = part && sliceOf(part, call.headers);
    if (slice) {
      this.#counts.hits++;
      return this.#reply(this.#fromStored(lookup, { ...part, entry: slice }), call);
    }
    this.#counts.misses++;
    if (requested.has("only-if-cached")) return onlyIfCachedMiss();
    return this.#forward(lookup, stored, ctx);
  }

  /** Forwards an unsafe request, and invalidates what it changed (RFC 9111 section 4.4). */
  async #forwardUnsafe({ scope, call, next, url }: Lookup, ctx: Context): Promise<Reply> {
    const reply = await next(call, ctx);
    if (reply.status >= 200 && reply.status < 400) {
      for (const changed of new Set([url, ...invalidatedUrls(reply, call.path, scope)])) {
        this.#collapsed.removeFills(changed);
        await this.#stored.invalidate(changed);
      }
    }
    return this.#passOn(reply, "method");
  }

  /** Forwards a HEAD, which may show that the stored GET is outdated (RFC 9111 section 4.3.5). */
  async #forwardHead(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<Reply> {
    const reply = await lookup.next(lookup.call, ctx);
    if (stored && reply.status === 200 && headInvalidates(reply.headers, stored.entry.headers)) {
      await this.#stored.delete(lookup);
    }
    return this.#passOn(reply, this.#stored.forwardReason(lookup, stored));
  }

  /** Forwards one of several requests for the same; the others share its response if they may. */
  async #forwardOnce(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<Reply> {
    const { call, requested } = lookup;
    const collapsed = this.#collapsed;
    const streaming = collapsed.fillFor(lookup);
    if (streaming) return this.#replyCollapsed(streaming, call);
    // A response that only its own client may have is not worth waiting for.
    if (requested.has("no-store") || collapsed.isUnshared(lookup)) {
      return this.#forward(lookup, stored, ctx);
    }
    let waitedFor: string | undefined;
    while (true) {
      const flightKey = collapsed.flightKey(lookup);
      const flight = collapsed.flightFor(lookup, flightKey);
      if (!flight) return this.#reply(await this.#lead(lookup, flightKey, stored, ctx), call);
      // A second wait for the same would end like the first.
      if (flightKey === waitedFor) break;
      const response = await flight.join(ctx);
      if (collapsed.mayShare(response, lookup)) return this.#replyCollapsed(response, call);
      if (stored && mayServeOwnStale(response, stored)) {
        const own = staleOnError(this.#fromStored(lookup, stored), response.cacheStatus);
        return this.#replyCollapsed(own, call);
      }
      if (collapsed.isUnshared(lookup)) break;
      waitedFor = flightKey;
    }
    return this.#forward(lookup, stored, ctx);
  }

  /** Validates a stale response in the background, unless that is under way. */
  #revalidateInBackground(lookup: Lookup, stored: StoredResponse, ctx: Context): void {
    const { client, trace, span, background } = ctx;
    const flightKey = this.#collapsed.flightKey(lookup);
    if (this.#collapsed.flightFor(lookup, flightKey) || this.#collapsed.fillFor(lookup)) return;
    const deadline = this.#options.clock.monotonic() + this.#options.refreshMs;
    background(async (signal) => {
      // Its calls are no part of the response that the client gets meanwhile.
      const own = { ...trace, parts: [], calls: undefined, waits: undefined };
      const ctx = { signal, deadline, client, trace: own, span, background, isOptional: true };
      const response = await this.#lead(forWhole(lookup), flightKey, stored, ctx);
      discard(response);
      const { fill } = response;
      try {
        await abortable(fill?.ended ?? Promise.resolve(), signal);
      } finally {
        fill?.leaveUnread();
      }
    });
  }

  /** Forwards a request in a flight that identical requests may join. */
  #lead(
    lookup: Lookup,
    flightKey: string,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    return this.#collapsed.lead(
      flightKey,
      ctx,
      (inner) => this.#forwarded.forward(lookup, stored, inner),
    );
  }

  /** Forwards a request for itself alone. */
  #forward(
    lookup: Lookup,
    stored: StoredResponse | undefined,
    ctx: Context,
  ): Promise<Reply> {
    const forwarding = this.#forwarded.forward(lookup, stored, ctx);
    return forwarding.then((response) => this.#reply(response, lookup.call));
  }

  #fromStored({ settings }: Lookup, { entry, reuse }: StoredResponse): CacheResponse {
    return fromStored(entry, reuse, settings, this.#options.clock.wall());
  }

  #replyCollapsed(response: CacheResponse, call: Call): Reply | Promise<Reply> {
    const cacheStatus = { ...response.cacheStatus, isCollapsed: true };
    return this.#reply({ ...response, cacheStatus }, call);
  }

  #reply(response: CacheResponse, call: Call): Reply | Promise<Reply> {
    const { pseudonym, clock } = this.#options;
    return replyTo(call, response, pseudonym, clock.wall());
  }

  /** A reply that the cache had no part in. */
  #passOn(reply: Reply, fwd: Forwarded): Reply {
    const headers = copyHeaders(reply.headers);
    addCacheStatus(headers, this.#options.pseudonym, { fwd, fwdStatus: reply.status });
    return { ...reply, headers };
  }
}

/** Whether the cache understands the method, and knows what identifies the content. */
function isCacheable({ method, body, contentKey, headers }: Call): boolean {
  if (contentKey !== undefined) return !headers.has("range");
  return (method === "GET" || method === "HEAD") && body === undefined;
}

/** Whether a waiter may serve its own stale response, after the shared request failed. */
function mayServeOwnStale(response: CacheResponse, { reuse }: StoredResponse): boolean {
  const { mayServeOnError, mayServeDisconnected } = reuse;
  const isDisconnected = response.cacheStatus.fwdStatus === undefined;
  return response.isStaleOnError === true &&
    (mayServeOnError || (isDisconnected && mayServeDisconnected));
}
