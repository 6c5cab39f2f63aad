import type { HttpUpstreamSettings, UpstreamSettings } from "../config/upstream.ts";
import type { TargetSettings } from "../config/targets.ts";
import type { Clock, Random } from "../core/clock.ts";
import { checkHealth } from "../policies/target/health_checks.ts";
import { TargetSet } from "../policies/target/target_set.ts";
import type { TargetOptions } from "../policies/target/target.ts";
import type { TargetEntry } from "../policies/target/target_state.ts";
import type { HttpTransport } from "../transport/http.ts";
import type { FaultReport } from "./fault_log.ts";
import { isName } from "./is_name.ts";
import { NamedAddresses } from "./named_addresses.ts";

/** Dependencies of {@linkcode upstreamTargets}. */
export interface TargetsDependencies {
  readonly clock: Clock;
  readonly random: Random;
  readonly http: HttpTransport["source"];
  readonly lookUp?: HttpTransport["lookUp"];
  /** Ends the health checks when it is disposed of. */
  readonly closing: AsyncDisposableStack;
  /** Called when an upstream or a target fails, and when it recovers. */
  readonly logFault: (report: FaultReport) => void;
}

/** Whether calls of an upstream may have a choice of targets; a plain address never has. */
export function hasTargets(upstream: UpstreamSettings): boolean {
  if (!("targets" in upstream)) return false;
  return upstream.targets.length > 1 || upstream.health !== undefined || namesOf(upstream).size > 0;
}

/** Creates the targets of an upstream, and starts their health checks. */
export function upstreamTargets(
  settings: HttpUpstreamSettings & { readonly name: string },
  { clock, random, http, lookUp, closing, logFault }: TargetsDependencies,
): TargetOptions {
  const { name, transport, health } = settings;
  const targets = new TargetSet({
    clock,
    random,
    report: ({ target, event, cause }) =>
      logFault({ upstream: name, reason: event, target, cause, count: 1 }),
  });
  const update = (addressesOf: (hostname: string) => readonly string[]) =>
    targets.update(settings.targets.flatMap((target) => {
      const addresses = addressesOf(target.base.hostname);
      const { base: { origin, pathname } } = target;
      const url = origin + pathname.replace(/\/$/, "");
      // The platform connects to a single address itself, as it does without a lookup.
      const chosen = addresses.length > 1 ? addresses : [undefined];
      return chosen.map((address): TargetEntry => ({
        key: `${url} ${address}`,
        name: nameOf(settings.targets, target, address),
        weight: target.weight / chosen.length,
        source: http(url, transport, address, settings),
      }));
    }));
  update(() => []);
  const hostnames = namesOf(settings);
  const named = lookUp && hostnames.size > 0
    ? new NamedAddresses({ hostnames, lookUp, clock, random, onChange: update })
    : undefined;
  if (health) {
    const end = new AbortController();
    const checking = checkHealth(targets, { ...health, clock, random }, end.signal);
    closing.defer(() => {
      end.abort();
      return checking;
    });
  }
  return { targets, clock, refresh: named && ((now) => named.refresh(now)) };
}

function namesOf({ targets, transport, tls }: HttpUpstreamSettings): ReadonlySet<string> {
  // With a certificate of its own, Deno connects to names alone.
  if (transport !== "socket" || tls?.own) return new Set();
  return new Set(targets.map(({ base }) => base.hostname).filter(isName));
}

/** The origin, because a path may contain a secret, and what tells targets of one origin apart. */
function nameOf(
  targets: readonly TargetSettings[],
  target: TargetSettings,
  address: string | undefined,
): string {
  const { origin } = target.base;
  const isAmbiguous = targets.some((other) => other !== target && other.base.origin === origin);
  const which = [
    ...isAmbiguous ? [`target ${targets.indexOf(target) + 1}`] : [],
    ...address === undefined ? [] : [address],
  ];
  return which.length === 0 ? origin : `${origin} (${which.join(", ")})`;
}
