import { abortable } from "@std/async";
import { LRUCache } from "lru-cache";
import { Body } from "../core/body.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError, type Kind } from "../core/errors.ts";
import { fingerprint } from "../core/fingerprint.ts";
import { SingleFlight } from "../async/single_flight.ts";
import { parseContentRange } from "../http/byte_ranges.ts";
import { endToEndHeaders } from "../http/hop_by_hop.ts";
import { copyHeaders } from "../http/copy_headers.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import type { Purges } from "./purges.ts";
import { addCacheStatus, type CacheStatus, type Forwarded } from "./cache_status.ts";
import {
  canFreshen,
  conditionalHeaders,
  mergeHeaders,
  unconditionalHeaders,
} from "./conditional.ts";
import type { CacheEntry } from "./entry.ts";
import { urlOf } from "./key.ts";
import {
  type CacheResponse,
  fromOrigin,
  fromStored,
  onlyIfCachedMiss,
  replyTo,
  staleOnError,
} from "./cache_response.ts";
import { Fill } from "./fill.ts";
import { headInvalidates, invalidatedUrls } from "./invalidation.ts";
import { NO_REUSE, requestDirectives, type Reuse, reuseOf, usableMs } from "./reuse.ts";
import {
  isRangeRequest,
  isStorableFor,
  type Lookup,
  lookupOf,
  mayServe,
  partKey,
  sharingKey,
  withoutRange,
} from "./lookup.ts";
import type { CacheScope } from "./cache_scope.ts";
import { combined, type Part, partOf, restHeaders, sliceOf, wholeOf } from "./parts.ts";
import type { MemoryTier } from "./memory_tier.ts";
import type { CacheTier } from "./tier.ts";
import { selectionKey, varyNames } from "./variants.ts";

/** What the cache of a process needs. */
export interface HttpCacheOptions {
  readonly tier: CacheTier;
  /** Where parts of responses are stored (206): in this process alone. */
  readonly parts: MemoryTier;
  readonly purges: Purges;
  /** Hears of what was banned elsewhere, before an answer is used. */
  readonly refreshPurges: () => Promise<void> | void;
  /** Bans an address in every process. */
  readonly purge: (url: string) => void;
  readonly clock: Clock;
  /** What the cache calls itself in `Cache-Status`. */
  readonly pseudonym: string;
  /** What a refresh that no client waits for may take (ms). */
  readonly refreshMs: number;
}

/** An answer that is kept, and how it may serve. */
interface StoredResponse {
  readonly entry: CacheEntry;
  readonly reuse: Reuse;
}

/** An answer whose body is still coming. */
interface FillInProgress {
  readonly entry: CacheEntry;
  readonly response: CacheResponse;
}

const NO_HEADERS = new Headers();

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Failures in whose place an answer that is out of date may serve (RFC 5861 section 4). */
const OUTAGES: ReadonlySet<Kind> = new Set([
  "overloaded",
  "upstream-error",
  "upstream-invalid",
  "upstream-timeout",
  "upstream-unreachable",
]);

const OUTAGE_STATUS: ReadonlySet<number> = new Set([500, 502, 503, 504]);

/** For how long a key whose answers cannot be shared is asked for by everyone at once (ms). */
const UNSHARED_MS = 60_000;
const MOST_UNSHARED = 10_000;
const MOST_VARIED = 10_000;
/** For how long an answer that was asked for before a change, and comes after it, is not kept (ms). */
const FORGOTTEN_MS = 60_000;
const MOST_FORGOTTEN = 10_000;
/** How long an answer with a validator is kept past its use, to be found unchanged (ms). */
const VALIDATED_MS = 3_600_000;
/** How long an answer, and a ban on one, is kept at most (ms). */
export const MAX_STORE_MS = 7 * 86_400_000;

/** A shared HTTP cache (RFC 9111), for one upstream's answers or a whole aggregate's. */
export class HttpCache {
  readonly #options: HttpCacheOptions;
  readonly #flights = new Map<string, { flight: SingleFlight<CacheResponse>; startedAt: number }>();
  /** Answers whose bodies are still coming, by key. */
  readonly #filling = new Map<string, Set<FillInProgress>>();
  /** When what was kept under a key was last forgotten (wall clock, ms since 1970). */
  readonly #forgotten: LRUCache<string, number>;
  readonly #unshared: LRUCache<string, true>;
  /** The request headers that last chose among the answers under a key; absent for none. */
  readonly #varied = new LRUCache<string, readonly string[]>({ max: MOST_VARIED });
  #hits = 0;
  #misses = 0;

  constructor(options: HttpCacheOptions) {
    this.#options = options;
    const perf = { now: () => options.clock.monotonic() };
    // A resolution of its own would keep a timer running.
    const timing = { perf, ttlResolution: 0 };
    this.#unshared = new LRUCache({ max: MOST_UNSHARED, ttl: UNSHARED_MS, ...timing });
    this.#forgotten = new LRUCache({ max: MOST_FORGOTTEN, ttl: FORGOTTEN_MS, ...timing });
  }

  /** How many requests were answered from what is kept, and how many were not. */
  get stats(): { readonly hits: number; readonly misses: number } {
    return { hits: this.#hits, misses: this.#misses };
  }

  /** Answers from what is kept, where that is right; else from `next`, and keeps what it may. */
  async respond(scope: CacheScope, call: Call, ctx: Context, next: Source): Promise<Reply> {
    const question = lookupOf(scope, call, ctx.client, next);
    if (!SAFE.has(call.method)) return await this.#change(question, ctx);
    if ((call.method !== "GET" && call.method !== "HEAD") || call.body) {
      return this.#passedOn(await next(call, ctx), "method");
    }
    const asked = requestDirectives(call.headers);
    const found = await this.#lookUp(question);
    if (found && (found.reuse.use === "fresh" || found.reuse.use === "stale")) {
      if (found.reuse.use === "stale") this.#refresh(question, found, ctx);
      this.#hits++;
      return this.#reply(this.#fromStored(question, found), call);
    }
    const isRanged = isRangeRequest(call);
    const part = isRanged ? await this.#findPart(question) : undefined;
    const slice = part && sliceOf(part, call.headers);
    if (slice) {
      this.#hits++;
      return this.#reply(this.#fromStored(question, { ...part, entry: slice }), call);
    }
    this.#misses++;
    if (asked.has("only-if-cached")) return onlyIfCachedMiss();
    if (call.method === "HEAD") return await this.#head(question, found, ctx);
    if (isRanged) return await this.#reply(await this.#forward(question, found, ctx), call);
    return await this.#fetch(question, found, ctx);
  }

  async #lookUp(question: Lookup): Promise<StoredResponse | undefined> {
    const { key, call, settings } = question;
    const { tier, purges: bans, clock, refreshPurges: hearOfBans } = this.#options;
    const hearing = hearOfBans();
    if (hearing) await hearing;
    const got = tier.get(key, call.headers);
    const entry = got instanceof Promise ? await got : got;
    if (entry === undefined) return undefined;
    const now = clock.wall();
    if (now - entry.receivedAt > MAX_STORE_MS) return undefined;
    const banned = bans.check(entry);
    if (banned?.isGone) {
      await tier.delete(key);
      return undefined;
    }
    const moment = banned ? { now, endedAt: banned.at } : { now };
    const judgement = mayServe(question, entry.headers)
      ? reuseOf(entry, call.headers, settings, moment)
      : NO_REUSE;
    return { entry, reuse: judgement };
  }

  /** A part of the response that is stored, and fresh. */
  async #findPart(question: Lookup): Promise<(Part & Pick<StoredResponse, "reuse">) | undefined> {
    const { key, call, settings } = question;
    const { parts, purges: bans, clock } = this.#options;
    const entry = parts.get(partKey(key), call.headers);
    if (!entry || bans.check(entry) || !mayServe(question, entry.headers)) return undefined;
    const judgement = reuseOf(entry, call.headers, settings, { now: clock.wall() });
    const part = judgement.use === "fresh" ? await partOf(entry) : undefined;
    return part && { ...part, reuse: judgement };
  }

  /** Keeps a part, together with what was there of the same response. */
  async #keepPart(question: Lookup, entry: CacheEntry): Promise<void> {
    const { key, call, url } = question;
    const { parts, purges: bans } = this.#options;
    const newer = await partOf(entry);
    if (!newer || bans.check(entry)) return;
    if ((this.#forgotten.get(url) ?? -Infinity) >= entry.requestedAt) return;
    const known = parts.get(partKey(key), call.headers);
    const older = known && !bans.check(known) ? await partOf(known) : undefined;
    const part = older ? combined(older, newer) : newer;
    const whole = wholeOf(part);
    if (whole) {
      parts.delete(partKey(key));
      this.#store(question, whole);
    } else parts.set(partKey(key), part.entry);
  }

  /**
   * Asks for what is missing of a stored part, and for the whole when that does not fit (RFC 9111
   * section 3.4). Undefined when nothing is stored that can be made whole.
   */
  async #complete(question: Lookup, ctx: Context): Promise<CacheResponse | undefined> {
    const { call, next, scope, isAuthorized } = question;
    const part =
      requestDirectives(call.headers).size === 0 && call.method === "GET" && !isRangeRequest(call)
        ? await this.#findPart(question)
        : undefined;
    const headers = part && restHeaders(unconditionalHeaders(call.headers), part);
    if (!part || !headers || (part.size ?? Infinity) > scope.maxEntryBytes) return undefined;
    const requestedAt = this.#options.clock.wall();
    const reply = await next({ ...call, headers }, ctx);
    if (reply.status !== 206) {
      if (reply.status !== 416) {
        return await this.#take(question, reply, requestedAt, "partial", ctx.buffers);
      }
      await reply.body.cancel();
      return undefined;
    }
    const { status } = reply;
    const receivedAt = this.#options.clock.wall();
    const facts = {
      status,
      headers: dated(reply.headers, receivedAt, status),
      requestedAt,
      receivedAt,
      isAuthorized,
    };
    if (!isStorableFor(question, facts)) {
      await reply.body.cancel();
      return undefined;
    }
    const bytes = await reply.body.bytes(scope.maxEntryBytes).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const body = Body.of(bytes);
    const rest = await partOf({ ...part.entry, ...facts, body });
    const whole = rest && wholeOf(combined(part, rest));
    if (!whole) return undefined;
    this.#options.parts.delete(partKey(question.key));
    return this.#stored(question, whole, { fwd: "partial", fwdStatus: status });
  }

  /** Passes on a request that changes something; what was kept of it is then out of date. */
  async #change({ scope, call, next, url }: Lookup, ctx: Context): Promise<Reply> {
    const reply = await next(call, ctx);
    if (reply.status >= 200 && reply.status < 400) {
      const others = invalidatedUrls(reply, call.path, scope);
      for (const changed of new Set([url, ...others])) await this.#forget(changed);
    }
    return this.#passedOn(reply, "method");
  }

  async #forget(url: string): Promise<void> {
    const { tier, purge: ban, clock } = this.#options;
    for (const key of this.#filling.keys()) if (urlOf(key) === url) this.#filling.delete(key);
    this.#forgotten.set(url, clock.wall());
    await tier.invalidate(url);
    ban(url);
  }

  /** HEAD is not kept, but tells whether what is kept of GET is still right (RFC 9111 section 4.3.5). */
  async #head(
    question: Lookup,
    found: StoredResponse | undefined,
    ctx: Context,
  ): Promise<Reply> {
    const { call, next, key } = question;
    const reply = await next(call, ctx);
    if (found && reply.status === 200 && headInvalidates(reply.headers, found.entry.headers)) {
      await this.#options.tier.delete(key);
    }
    return this.#passedOn(reply, this.#whyForwarded(question, found));
  }

  /** Asks further on, once for all who ask for the same at once, if the answer can be shared. */
  async #fetch(question: Lookup, found: StoredResponse | undefined, ctx: Context): Promise<Reply> {
    const { call } = question;
    const coming = this.#fillFor(question);
    if (coming) return this.#collapsed(coming, call);
    // Nobody is to wait for an answer that only its own client may have.
    const isOwn = requestDirectives(call.headers).has("no-store") ||
      this.#unshared.has(sharingKey(question));
    if (isOwn) return await this.#reply(await this.#forward(question, found, ctx), call);
    let waitedFor: string | undefined;
    while (true) {
      const flightKey = this.#flightKey(question);
      const flight = this.#singleFlightFor(question, flightKey);
      if (!flight) {
        return await this.#reply(await this.#lead(question, flightKey, found, ctx), call);
      }
      // Another call for the same would come to no more than the last one did.
      if (flightKey === waitedFor) break;
      const fetched = await flight.join(ctx);
      if (this.#mayShare(fetched, question)) return this.#collapsed(fetched, call);
      const { mayServeOnError, mayServeDisconnected } = found?.reuse ?? NO_REUSE;
      const isDisconnected = fetched.cacheStatus.fwdStatus === undefined;
      if (
        found && fetched.isStaleOnError &&
        (mayServeOnError || (isDisconnected && mayServeDisconnected))
      ) {
        const own = staleOnError(this.#fromStored(question, found), fetched.cacheStatus);
        return this.#collapsed(own, call);
      }
      if (this.#unshared.has(sharingKey(question))) break;
      waitedFor = flightKey;
    }
    return await this.#reply(await this.#forward(question, found, ctx), call);
  }

  /** A call under way, unless what it comes to may be from before a change that came before the client. */
  #singleFlightFor({ url }: Lookup, flightKey: string): SingleFlight<CacheResponse> | undefined {
    const known = this.#flights.get(flightKey);
    if (known === undefined) return undefined;
    const { flight, startedAt } = known;
    if ((this.#forgotten.get(url) ?? -Infinity) >= startedAt) return undefined;
    const isBanned = this.#options.purges.check({
      url,
      headers: NO_HEADERS,
      requestedAt: startedAt,
    });
    return isBanned ? undefined : flight;
  }

  #collapsed(fetched: CacheResponse, call: Call): Reply | Promise<Reply> {
    const cacheStatus = { ...fetched.cacheStatus, isCollapsed: true };
    return this.#reply({ ...fetched, cacheStatus }, call);
  }

  /** An answer whose body is still coming, when this client may have it. */
  #fillFor(question: Lookup): CacheResponse | undefined {
    const { key, call, settings } = question;
    const coming = this.#filling.get(key);
    if (coming === undefined) return undefined;
    const moment = { now: this.#options.clock.wall() };
    for (const { entry, response: fetched } of coming) {
      if (!this.#mayShare(fetched, question)) continue;
      // It was made before this client asked, and is to be as fresh as one that is stored.
      const { use } = reuseOf(entry, call.headers, settings, moment);
      if (use === "fresh" || use === "stale") return fetched;
    }
  }

  async #lead(
    question: Lookup,
    flightKey: string,
    found: StoredResponse | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    const flight = new SingleFlight<CacheResponse>(ctx, () => {
      if (this.#flights.get(flightKey)?.flight === flight) this.#flights.delete(flightKey);
    });
    this.#flights.set(flightKey, { flight, startedAt: this.#options.clock.wall() });
    const answer = flight.join(ctx);
    flight.run((inner) => this.#forward(question, found, inner));
    return await answer;
  }

  /** Fetches a new answer behind the client's back; one at a time. */
  #refresh(question: Lookup, found: StoredResponse, { client, trace, background }: Context): void {
    const flightKey = this.#flightKey(question);
    if (this.#singleFlightFor(question, flightKey) || this.#fillFor(question)) return;
    const deadline = this.#options.clock.monotonic() + this.#options.refreshMs;
    background(async (signal) => {
      // What the refresh asks is no part of the answer that the client gets meanwhile.
      const own = { ...trace, parts: [] };
      const ctx = { signal, deadline, client, trace: own, background };
      const { discard: pass, fill: filling } = await this.#lead(
        withoutRange(question),
        flightKey,
        found,
        ctx,
      );
      pass();
      try {
        await abortable(filling?.ended ?? Promise.resolve(), signal);
      } finally {
        filling?.leaveUnread();
      }
    });
  }

  #mayShare({ shared }: CacheResponse, question: Lookup): boolean {
    return shared !== undefined && !this.#options.purges.check(shared) &&
      shared.selection === selectionKey(varyNames(shared.headers), question.call.headers) &&
      mayServe(question, shared.headers);
  }

  /** Under what those wait for one call whose requests choose the same of several answers. */
  #flightKey({ key, call }: Lookup): string {
    const names = this.#varied.get(key);
    return names ? `${key} ${selectionKey(names, call.headers)}` : key;
  }

  /** Asks further on for this one request. */
  async #forward(
    question: Lookup,
    found: StoredResponse | undefined,
    ctx: Context,
  ): Promise<CacheResponse> {
    const { call, next, key } = question;
    const completed = found ? undefined : await this.#complete(question, ctx);
    if (completed) return completed;
    const isForeign = found?.reuse.use === "none" ||
      requestDirectives(call.headers).has("no-store");
    const entry = isForeign ? undefined : found?.entry;
    const conditional = entry && conditionalHeaders(call.headers, entry);
    const requestedAt = this.#options.clock.wall();
    const fwd = this.#whyForwarded(question, found);
    let reply: Reply;
    try {
      // A range cannot be told from the whole here, where the client's own conditions hold.
      const headers = conditional ??
        (isRangeRequest(call) ? call.headers : unconditionalHeaders(call.headers));
      reply = await next({ ...call, headers }, ctx);
    } catch (error) {
      if (!found || !mayServeInPlaceOf(error, found)) throw error;
      return staleOnError(this.#fromStored(question, found), { fwd });
    }
    if (OUTAGE_STATUS.has(reply.status) && found?.reuse.mayServeOnError) {
      await reply.body.cancel();
      const status = { fwd, fwdStatus: reply.status };
      return staleOnError(this.#fromStored(question, found), status);
    }
    if (reply.status === 304 && conditional && entry) {
      await reply.body.cancel();
      if (!canFreshen(reply.headers, entry)) return await this.#forward(question, undefined, ctx);
      const receivedAt = this.#options.clock.wall();
      const headers = mergeHeaders(entry.headers, dated(reply.headers, receivedAt));
      const isAuthorized = entry.isAuthorized || question.isAuthorized;
      const selection = selectionKey(varyNames(headers), call.headers);
      const validated = { ...entry, headers, requestedAt, receivedAt, isAuthorized, selection };
      if (!isStorableFor(question, validated)) {
        await this.#options.tier.delete(key);
        return this.#notStored(question, { ...validated, cacheStatus: { fwd, fwdStatus: 304 } });
      }
      return this.#stored(question, validated, { fwd, fwdStatus: 304 });
    }
    return await this.#take(question, reply, requestedAt, fwd, ctx.buffers);
  }

  /** Keeps a new answer, if it may be kept, while it is passed on. */
  async #take(
    question: Lookup,
    reply: Reply,
    requestedAt: number,
    fwd: Forwarded,
    buffers: Context["buffers"],
  ): Promise<CacheResponse> {
    const { call, scope, url, key, isAuthorized } = question;
    const { status } = reply;
    const isPart = status === 206;
    const receivedAt = this.#options.clock.wall();
    const headers = dated(reply.headers, receivedAt, status);
    const facts = { status, headers, requestedAt, receivedAt, isAuthorized };
    const isKept = !requestDirectives(call.headers).has("no-store") &&
      reply.failures === undefined &&
      (reply.body.length ?? 0) <= scope.maxEntryBytes && isStorableFor(question, facts) &&
      (!isPart ||
        (isRangeRequest(call) && parseContentRange(headers.get("content-range")) !== undefined)) &&
      (reply.body.isWhole
        ? await scope.isWorthStoring?.(reply) ?? true
        : buffers?.tryTake(reply.body.length ?? scope.maxEntryBytes) ?? true);
    const cacheStatus = { fwd, fwdStatus: status };
    if (!isKept) {
      const isStale = reply.cached?.isStale ?? false;
      return this.#notStored(question, { status, headers, body: reply.body, cacheStatus, isStale });
    }
    if (scope.generatesEtags && !headers.has("etag") && reply.body.isWhole) {
      headers.set("etag", `"${fingerprint(await textOf(reply.body, scope.maxEntryBytes))}"`);
    }
    const selection = selectionKey(varyNames(headers), call.headers);
    const entry: CacheEntry = { ...facts, body: reply.body, selection, url };
    if (isPart) return this.#takePart(question, entry, cacheStatus);
    if (reply.body.isWhole) return this.#stored(question, entry, cacheStatus);
    const filling = new Fill(reply.body, scope.maxEntryBytes, async (isWhole) => {
      if (isWhole) {
        const body = Body.of(await reply.body.bytes(scope.maxEntryBytes));
        this.#store(question, { ...entry, body });
      }
      others.delete(coming);
      if (others.size === 0 && this.#filling.get(key) === others) this.#filling.delete(key);
    });
    const fetched = this.#fromOrigin(question, entry, cacheStatus);
    const open = () => filling.open();
    const coming: FillInProgress = { entry, response: { ...fetched, open, fill: filling } };
    const others = this.#filling.get(key) ?? new Set();
    this.#filling.set(key, others.add(coming));
    this.#mark(question, coming.response);
    return coming.response;
  }

  #takePart(question: Lookup, entry: CacheEntry, cacheStatus: CacheStatus): CacheResponse {
    const { maxEntryBytes: keepBytes } = question.scope;
    const filling = new Fill(entry.body, keepBytes, async (isWhole) => {
      if (!isWhole) return;
      const body = Body.of(await entry.body.bytes(keepBytes));
      await this.#keepPart(question, { ...entry, body });
    });
    const fetched = this.#fromOrigin(question, entry, cacheStatus);
    return { ...fetched, open: () => filling.open(), fill: filling, shared: undefined };
  }

  #notStored(
    question: Lookup,
    { body, ...facts }: Pick<CacheResponse, "status" | "headers" | "cacheStatus" | "isStale"> & {
      readonly body: Body;
    },
  ): CacheResponse {
    const discard = () => void body.cancel();
    const own = { open: () => body, discard, shared: undefined, freshMs: undefined };
    const fetched = { ...facts, ...own };
    this.#mark(question, fetched);
    return fetched;
  }

  /** Remembers whether those who ask like this have anything to wait for. */
  #mark(question: Lookup, { shared }: CacheResponse): void {
    if (shared) {
      this.#unshared.delete(sharingKey(question));
      const names = varyNames(shared.headers);
      if (names.length > 0) this.#varied.set(question.key, names);
      else this.#varied.delete(question.key);
    } else if (
      !requestDirectives(question.call.headers).has("no-store") && !isRangeRequest(question.call)
    ) {
      this.#unshared.set(sharingKey(question), true);
    }
  }

  #stored(question: Lookup, entry: CacheEntry, cacheStatus: CacheStatus): CacheResponse {
    this.#store(question, entry);
    const fetched = this.#fromOrigin(question, entry, cacheStatus);
    this.#mark(question, fetched);
    return fetched;
  }

  #store({ key, url, settings }: Lookup, entry: CacheEntry): void {
    // It may be from before a change, and must not take the place of what came after.
    if ((this.#forgotten.get(url) ?? -Infinity) >= entry.requestedAt) return;
    if (this.#options.purges.check(entry)) return;
    const isValidatable = conditionalHeaders(new Headers(), entry) !== undefined;
    const usedMs = usableMs(entry, settings, this.#options.clock.wall());
    const keepMs = Math.min(MAX_STORE_MS, usedMs + (isValidatable ? VALIDATED_MS : 0));
    if (keepMs > 0) this.#options.tier.set(key, entry, keepMs);
  }

  #whyForwarded({ key }: Lookup, found: StoredResponse | undefined): Forwarded {
    if (found === undefined) return this.#options.tier.has?.(key) ? "vary-miss" : "uri-miss";
    if (found.reuse.use === "none") return "bypass";
    return found.reuse.isRequested ? "request" : "stale";
  }

  #fromStored({ settings }: Lookup, { entry, reuse: judgement }: StoredResponse): CacheResponse {
    return fromStored(entry, judgement, settings, this.#options.clock.wall());
  }

  #fromOrigin({ settings }: Lookup, entry: CacheEntry, status: CacheStatus): CacheResponse {
    return fromOrigin(entry, settings, status, this.#options.clock.wall());
  }

  #reply(fetched: CacheResponse, call: Call): Reply | Promise<Reply> {
    const { pseudonym, clock } = this.#options;
    return replyTo(call, fetched, pseudonym, clock.wall());
  }

  #passedOn(reply: Reply, fwd: Forwarded): Reply {
    const headers = copyHeaders(reply.headers);
    addCacheStatus(headers, this.#options.pseudonym, { fwd, fwdStatus: reply.status });
    return { ...reply, headers };
  }
}

/** The end-to-end headers of an answer, with the time it came if it does not say its own. */
function dated(headers: Headers, receivedAt: number, status?: number): Headers {
  const kept = endToEndHeaders(headers, status === undefined ? {} : { status });
  if (!kept.has("date")) kept.set("date", new Date(receivedAt).toUTCString());
  return kept;
}

/** Whether a stored response may serve when there is no response because of this error. */
function mayServeInPlaceOf(error: unknown, { reuse: judgement }: StoredResponse): boolean {
  if (!(error instanceof GatewayError)) return false;
  if (error.kind === "upstream-unreachable") return judgement.mayServeDisconnected;
  return judgement.mayServeOnError && OUTAGES.has(error.kind);
}

async function textOf(body: Body, limit: number): Promise<string> {
  return new TextDecoder().decode(await body.bytes(limit));
}
