import { batchKey } from "./batch_key.ts";
import type { StackDependencies } from "./stack_dependencies.ts";
import type { CacheSettings } from "../cache/reuse.ts";
import { passesCredentials } from "../config/client_credentials.ts";
import { DEFAULTS } from "../core/defaults.ts";
import type { PartSettings } from "../config/part.ts";
import type { ForwardSettings } from "../config/route.ts";
import type { UpstreamSettings } from "../config/upstream.ts";
import { formatRate } from "../config/rates.ts";
import { formatDuration, formatSize } from "../config/units.ts";
import { isJsonBody } from "../core/is_json_body.ts";
import { accept } from "../policies/accept/accept.ts";
import { breaker } from "../policies/breaker/breaker.ts";
import { WaitRecorder } from "../observe/wait_recorder.ts";
import { CallRecorder, type CallRecorderOptions } from "../observe/call_recorder.ts";
import { buffer, buffering } from "../policies/buffer.ts";
import { adaptive } from "../policies/adaptive/adaptive.ts";
import { bulkhead } from "../policies/bulkhead.ts";
import { cache } from "../cache/policy.ts";
import { coalesce } from "../policies/coalesce/coalesce.ts";
import { hedge } from "../policies/hedge/hedge.ts";
import { rate } from "../policies/rate.ts";
import { retry } from "../policies/retry/retry.ts";
import { shed } from "../policies/shed/shed.ts";
import { RecentLatencies } from "../policies/shed/recent_latencies.ts";
import { shape } from "../policies/shape.ts";
import { target } from "../policies/target/target.ts";
import { timeout } from "../policies/timeout.ts";
import type { WaitRecord } from "../core/trace.ts";
import { guard, type Policy, type Source } from "../core/source.ts";
import { seesClients } from "./sees_clients.ts";
import { hasTargets } from "./upstream_targets.ts";

/** A policy of a stack, with its description for `--check`. */
interface Layer {
  readonly label: string;
  readonly policy: (deps: StackDependencies) => Policy;
}

/** The order of a part's policies, outermost first. */
function partLayers(part: PartSettings): Layer[] {
  return [...replyLayers(part), ...callLayers(part)];
}

/** The order of the policies about replies; with a `batch`, of each value's own. */
function replyLayers(part: PartSettings): Layer[] {
  return [
    part.pages ? undefined : shapeLayer(part),
    acceptLayer(part),
    cacheLayer(part),
    coalesceLayer(part),
  ].filter((layer) => layer !== undefined);
}

/** The order of the policies about calls. */
function callLayers(part: PartSettings): Layer[] {
  const { upstream } = part;
  return [
    shedLayer(part),
    retryLayer(upstream),
    hedgeLayer(upstream),
    breakerLayer(upstream),
    rateLayer(upstream),
    bulkheadLayer(upstream, "reply"),
    timeoutLayer(part, upstream.maxBody),
    bufferLayer(upstream),
    targetLayer(upstream),
  ].filter((layer) => layer !== undefined);
}

/** The order of a forward route's policies, outermost first. Its timeout ends with the head. */
function forwardLayers({ to: upstream, cache }: ForwardSettings): Layer[] {
  return [
    forwardCacheLayer(upstream, cache),
    breakerLayer(upstream),
    rateLayer(upstream),
    bulkheadLayer(upstream, "body"),
    timeoutLayer(upstream),
    targetLayer(upstream),
  ].filter((layer) => layer !== undefined);
}

/** The order of the policies of a call that authenticates a client, outermost first. */
function checkLayers(upstream: UpstreamSettings): Layer[] {
  return [
    coalesceLayer({ upstream, timeoutMs: upstream.timeoutMs }),
    breakerLayer(upstream),
    timeoutLayer(upstream),
    bufferLayer(upstream),
    targetLayer(upstream),
  ].filter((layer) => layer !== undefined);
}

/** Builds the Source of calls that authenticate clients. */
export function checkStack(upstream: UpstreamSettings, deps: StackDependencies): Source {
  return stack(checkLayers(upstream), deps);
}

/** Builds the Source by which a part calls its upstream; of one page, if the part fetches pages. */
export function partStack(part: PartSettings, deps: StackDependencies): Source {
  return stack(partLayers(part), deps);
}

/** Builds the Source of one value of a batch, which is sent with others. */
export function valueStack(part: PartSettings, deps: StackDependencies): Source {
  const policies = replyLayers(part).map(({ policy }) => policy(deps));
  return guard(({ sendWithOthers }, ctx) => {
    if (sendWithOthers) return sendWithOthers(ctx);
    throw new Error(`${part.name} has a call that is sent alone`);
  }, ...policies);
}

/** Builds the Source of one call for several values of a batch. */
export function batchStack(part: PartSettings, deps: StackDependencies): Source {
  return stack(callLayers(part), deps);
}

/** Builds the Source by which a forward route calls its upstream. */
export function forwardStack(route: ForwardSettings, deps: StackDependencies): Source {
  return stack(forwardLayers(route), deps);
}

/** Describes a part's stack, outermost first. */
export function describePartStack(part: PartSettings): string[] {
  const labels = partLayers(part).map(({ label }) => label);
  const { pages, pick, rename, map } = part;
  if (pages === undefined) return labels;
  return [
    ...map ? ["map"] : [],
    `pages ${pages.max}`,
    ...pick ? ["pick"] : [],
    ...rename ? ["rename"] : [],
    ...labels,
  ];
}

/** Describes a forward route's stack, outermost first. */
export function describeForwardStack(route: ForwardSettings): string[] {
  return forwardLayers(route).map(({ label }) => label);
}

function stack(layers: readonly Layer[], deps: StackDependencies): Source {
  return guard(deps.upstream.transport, ...layers.map(({ policy }) => policy(deps)));
}

function shapeLayer(
  { select: chosen, batch, pick, rename, map, isExact }: PartSettings,
): Layer | undefined {
  const select = batch ? undefined : chosen; // of a batch, it leads to the list of items
  const does = Object.entries({ select, pick, rename, map }).filter(([, value]) =>
    value !== undefined
  );
  if (does.length === 0) return undefined;
  return {
    label: does.map(([name]) => name).join(" "),
    policy: () =>
      shape({
        ...(select && { select }),
        ...(pick && { pick }),
        ...(rename && { rename }),
        ...(map && { map, isExact }),
      }),
  };
}

function acceptLayer(part: PartSettings): Layer {
  const { as, upstream: { hidesErrors } } = part;
  return {
    label: `accept ${as}`,
    policy: ({ clock }) =>
      accept({ as, passesCredentials: passesCredentials(part), hidesErrors, clock }),
  };
}

function cacheLayer({ cache: settings, as, upstream }: PartSettings): Layer | undefined {
  return settings && {
    label: cacheLabel(settings),
    policy: (deps) =>
      cache({
        ...cacheScope(upstream, settings, deps),
        maxEntryBytes: upstream.maxBody,
        isWorthStoring: ({ body }) => as === "text" || isJsonBody(body),
      }),
  };
}

function forwardCacheLayer(
  upstream: UpstreamSettings,
  settings: CacheSettings | undefined,
): Layer | undefined {
  return settings && {
    label: cacheLabel(settings),
    policy: (deps) =>
      cache({ ...cacheScope(upstream, settings, deps), maxEntryBytes: DEFAULTS.keepBytes }),
  };
}

function cacheScope(upstream: UpstreamSettings, settings: CacheSettings, deps: StackDependencies) {
  return {
    cache: deps.cache,
    name: upstream.name,
    settings,
    isPerClient: deps.knowsClients && seesClients(upstream) && !settings.isShared,
    ..."base" in upstream ? { base: upstream.base, otherOrigins: upstream.otherOrigins } : {},
  };
}

function cacheLabel({ ttlMs }: CacheSettings): string {
  return ttlMs === undefined ? "cache" : `cache ${formatDuration(ttlMs)}`;
}

/** Calls share a response only if they process it in the same way. */
function coalesceLayer(
  { timeoutMs, upstream: { maxBody }, batch, select }:
    & Pick<PartSettings, "timeoutMs" | "upstream">
    & Partial<Pick<PartSettings, "batch" | "select">>,
): Layer {
  const scope = `${timeoutMs} ${maxBody}${batch ? batchKey({ batch, select }) : ""}`;
  return {
    label: "coalesce",
    policy: ({ upstream: { sharedCalls: flights }, recorded }) =>
      coalesce({ calls: flights, scope, waits: waitsFor("shared", recorded) }),
  };
}

/** Only optional parts can be left out. */
function shedLayer({ optional }: PartSettings): Layer | undefined {
  if (!optional) return undefined;
  return {
    label: "shed",
    policy: ({ overload, clock }) => shed({ overload, latencies: new RecentLatencies(), clock }),
  };
}

function retryLayer({ retry: settings }: UpstreamSettings): Layer | undefined {
  if (settings.attempts === 1) return undefined;
  return {
    label: `retry ${settings.attempts}`,
    policy: ({ upstream: { retryBudget, targets }, clock, random, recorded }) =>
      retry({
        ...settings,
        budget: retryBudget,
        targets: targets?.targets,
        waits: waitsFor("backoff", recorded),
        clock,
        random,
      }),
  };
}

function hedgeLayer({ hedge: settings, retry }: UpstreamSettings): Layer | undefined {
  return settings && {
    label: `hedge ${
      "ms" in settings.after
        ? formatDuration(settings.after.ms)
        : `p${Math.round(settings.after.quantile * 100)}`
    }`,
    policy: ({ upstream: { hedging, retryBudget, targets }, clock }) =>
      hedging
        ? hedge({
          ...hedging,
          retryBudget,
          countsCalls: retry.attempts === 1,
          methods: retry.methods,
          hasTargets: targets !== undefined,
          clock,
        })
        : (next) => next,
  };
}

function breakerLayer({ breaker: settings }: UpstreamSettings): Layer | undefined {
  return settings && {
    label: `breaker ${Math.round(settings.failureRate * 100)}%`,
    policy: ({ upstream: { circuit }, clock }) =>
      circuit ? breaker({ circuit, clock }) : (next) => next,
  };
}

function rateLayer({ name, rate: settings }: UpstreamSettings): Layer | undefined {
  if (settings === undefined) return undefined;
  const { shape } = settings;
  return {
    label: `rate ${formatRate({ tokens: shape.perMs, periodMs: shape.perToken })}`,
    policy: ({ limiter, recorded }) =>
      rate({ ...settings, upstream: name, limiter, waits: waitsFor("rate", recorded) }),
  };
}

/** The layer of the bulkhead; where its limit adapts, that learns from what passes it. */
function bulkheadLayer(
  { concurrency: { max, adaptive: range } }: UpstreamSettings,
  until: "reply" | "body",
): Layer | undefined {
  if (max === Infinity) return undefined;
  return {
    label: `bulkhead ${range ? `${range.min}-${range.max}` : max}`,
    policy: ({ upstream: { semaphore, adaptiveLimit: limit }, clock, recorded }) => (next) =>
      bulkhead({ semaphore, clock, until, waits: waitsFor("concurrency", recorded) })(
        limit ? adaptive({ limit, clock })(next) : next,
      ),
  };
}

/**
 * The layer of an attempt, which also does the work of `buffer` unless a policy comes between them.
 * @param maxBytes maximum size of the body; absent where the attempt ends with the head
 */
function timeoutLayer({ timeoutMs }: { readonly timeoutMs: number }, maxBytes?: number): Layer {
  return {
    label: `timeout ${formatDuration(timeoutMs)}`,
    policy: ({ clock, upstream: { faults: log, watch }, attempted, recorded }) => {
      const complete = attempted || maxBytes === undefined ? undefined : buffering({ maxBytes });
      const recorder = recorded && new CallRecorder(recorded);
      const attempt = timeout({ timeoutMs, clock, log, complete, recorder });
      const outer = watch ? [watch, attempt] : [attempt];
      return (next) => guard(attempted ? attempted(next) : next, ...outer);
    },
  };
}

function bufferLayer({ maxBody }: UpstreamSettings): Layer {
  return {
    label: `buffer ${formatSize(maxBody)}`,
    policy: ({ attempted }) => attempted ? buffer({ maxBytes: maxBody }) : (next) => next,
  };
}

/** No layer for an upstream at one address: it has no choice. */
function targetLayer(upstream: UpstreamSettings): Layer | undefined {
  if (!hasTargets(upstream)) return undefined;
  const count = "targets" in upstream ? upstream.targets.length : 1;
  return {
    label: count === 1 ? "target" : `target of ${count}`,
    policy: ({ upstream: { targets } }) => targets ? target(targets) : (next) => next,
  };
}

/** Undefined if nobody observes waits. */
function waitsFor(
  what: WaitRecord["for"],
  recorded: CallRecorderOptions | undefined,
): WaitRecorder | undefined {
  return recorded && new WaitRecorder(what, recorded);
}
