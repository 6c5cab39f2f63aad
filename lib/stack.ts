import type { Clock, Random } from "./clock.ts";
import type { PartSettings, UpstreamSettings } from "./config/settings.ts";
import { formatDuration, formatSize } from "./config/units.ts";
import { accept } from "./policies/accept.ts";
import { buffer } from "./policies/buffer.ts";
import { bulkhead } from "./policies/bulkhead.ts";
import { coalesce } from "./policies/coalesce.ts";
import { retry } from "./policies/retry.ts";
import { shape } from "./policies/shape.ts";
import { timeout } from "./policies/timeout.ts";
import { guard, type Policy, type Source } from "./source.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** What policies need besides their settings. */
export interface StackDependencies {
  readonly upstream: UpstreamState;
  readonly clock: Clock;
  readonly random: Random;
}

/** One policy of a stack, and how `--check` names it. */
interface Layer {
  readonly label: string;
  readonly policy: (deps: StackDependencies) => Policy;
}

/** The order of a part's policies, outermost first. */
function partLayers(part: PartSettings): Layer[] {
  const { upstream } = part;
  return [
    shapeLayer(part),
    acceptLayer(part),
    coalesceLayer(part),
    retryLayer(upstream),
    bulkheadLayer(upstream, "reply"),
    timeoutLayer(part),
    bufferLayer(upstream),
  ].filter((layer) => layer !== undefined);
}

/** The order of a forward route's policies, outermost first. Its timeout ends with the head. */
function forwardLayers(upstream: UpstreamSettings): Layer[] {
  return [
    bulkheadLayer(upstream, "body"),
    timeoutLayer(upstream),
  ].filter((layer) => layer !== undefined);
}

/** An upstream as a part asks it. */
export function partStack(part: PartSettings, deps: StackDependencies): Source {
  return stack(partLayers(part), deps);
}

/** An upstream as a forward route asks it. */
export function forwardStack(upstream: UpstreamSettings, deps: StackDependencies): Source {
  return stack(forwardLayers(upstream), deps);
}

/** A part's stack in words, outermost first. */
export function describePartStack(part: PartSettings): string[] {
  return partLayers(part).map(({ label }) => label);
}

/** A forward route's stack in words, outermost first. */
export function describeForwardStack(upstream: UpstreamSettings): string[] {
  return forwardLayers(upstream).map(({ label }) => label);
}

function stack(layers: readonly Layer[], deps: StackDependencies): Source {
  return guard(deps.upstream.transport, ...layers.map(({ policy }) => policy(deps)));
}

function shapeLayer({ select, pick, map }: PartSettings): Layer | undefined {
  const does = Object.entries({ select, pick, map }).filter(([, value]) => value !== undefined);
  if (does.length === 0) return undefined;
  return {
    label: does.map(([name]) => name).join(" "),
    policy: () => shape({ ...(select && { select }), ...(pick && { pick }), ...(map && { map }) }),
  };
}

function acceptLayer({ as }: PartSettings): Layer {
  return { label: `accept ${as}`, policy: ({ clock }) => accept({ as, clock }) };
}

/** Only what does the same with an answer can share it. */
function coalesceLayer({ timeoutMs, upstream: { maxBody } }: PartSettings): Layer {
  const scope = `${timeoutMs} ${maxBody}`;
  return {
    label: "coalesce",
    policy: ({ upstream: { flights } }) => coalesce({ flights, scope }),
  };
}

function retryLayer({ retry: settings }: UpstreamSettings): Layer | undefined {
  if (settings.attempts === 1) return undefined;
  return {
    label: `retry ${settings.attempts}`,
    policy: ({ upstream: { retryBudget }, clock, random }) =>
      retry({ ...settings, budget: retryBudget, clock, random }),
  };
}

function bulkheadLayer(
  { concurrency }: UpstreamSettings,
  until: "reply" | "body",
): Layer | undefined {
  if (concurrency.max === Infinity) return undefined;
  return {
    label: `bulkhead ${concurrency.max}`,
    policy: ({ upstream: { semaphore }, clock }) => bulkhead({ semaphore, clock, until }),
  };
}

function timeoutLayer({ timeoutMs }: { readonly timeoutMs: number }): Layer {
  return {
    label: `timeout ${formatDuration(timeoutMs)}`,
    policy: ({ clock }) => timeout({ timeoutMs, clock }),
  };
}

function bufferLayer({ maxBody }: UpstreamSettings): Layer {
  return {
    label: `buffer ${formatSize(maxBody)}`,
    policy: () => buffer({ maxBytes: maxBody }),
  };
}
