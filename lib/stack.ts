import type { Clock } from "./clock.ts";
import type { PartSettings, UpstreamSettings } from "./config/settings.ts";
import { formatDuration, formatSize } from "./config/units.ts";
import { accept } from "./policies/accept.ts";
import { buffer } from "./policies/buffer.ts";
import { timeout } from "./policies/timeout.ts";
import { guard, type Policy, type Source } from "./source.ts";

/** One policy of a stack, and how `--check` names it. */
interface Layer {
  readonly label: string;
  readonly policy: Policy;
}

/** The order of a part's policies, outermost first. */
function partLayers(part: PartSettings, clock: Clock): Layer[] {
  const { as, timeoutMs, upstream: { maxBody } } = part;
  return [
    { label: `accept ${as}`, policy: accept({ as, clock }) },
    { label: `timeout ${formatDuration(timeoutMs)}`, policy: timeout({ timeoutMs, clock }) },
    { label: `buffer ${formatSize(maxBody)}`, policy: buffer({ maxBytes: maxBody }) },
  ];
}

/** The order of a forward route's policies, outermost first. Its timeout ends with the head. */
function forwardLayers({ timeoutMs }: UpstreamSettings, clock: Clock): Layer[] {
  return [
    { label: `timeout ${formatDuration(timeoutMs)}`, policy: timeout({ timeoutMs, clock }) },
  ];
}

/** The transport as a part asks it. */
export function partStack(transport: Source, part: PartSettings, clock: Clock): Source {
  return guard(transport, ...partLayers(part, clock).map(({ policy }) => policy));
}

/** The transport as a forward route asks it. */
export function forwardStack(transport: Source, upstream: UpstreamSettings, clock: Clock): Source {
  return guard(transport, ...forwardLayers(upstream, clock).map(({ policy }) => policy));
}

/** A part's stack in words, outermost first. */
export function describePartStack(part: PartSettings, clock: Clock): string[] {
  return partLayers(part, clock).map(({ label }) => label);
}

/** A forward route's stack in words, outermost first. */
export function describeForwardStack(upstream: UpstreamSettings, clock: Clock): string[] {
  return forwardLayers(upstream, clock).map(({ label }) => label);
}
