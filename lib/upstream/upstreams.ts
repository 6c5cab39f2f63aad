import type { UpstreamSettings } from "../config/upstream.ts";
import type { Resources } from "./resources.ts";
import type { Source } from "../core/source.ts";
import { functionSource } from "../transport/function.ts";
import { workerSource } from "../transport/worker_source.ts";
import { FaultLog } from "./fault_log.ts";
import { hasTargets, type TargetsDependencies, upstreamTargets } from "./upstream_targets.ts";
import { type UpstreamStatus, upstreamStatus } from "./upstream_status.ts";
import { type UpstreamState, upstreamState } from "./upstream_state.ts";

/** Dependencies of {@linkcode Upstreams}. */
export interface UpstreamsDependencies extends TargetsDependencies {
  readonly resources: Pick<Resources, "source">;
  readonly logError: (error: unknown, place: string) => void;
}

/** The upstreams of a gateway: each with one transport and one state, shared by all routes. */
export class Upstreams {
  readonly #deps: UpstreamsDependencies;
  readonly #byName = new Map<string, UpstreamState>();

  constructor(deps: UpstreamsDependencies) {
    this.#deps = deps;
  }

  /** Returns the state of an upstream, created on first use. */
  get(settings: UpstreamSettings): UpstreamState {
    const known = this.#byName.get(settings.name);
    if (known) return known;
    const { clock, logFault } = this.#deps;
    const faults = new FaultLog(settings.name, clock, logFault);
    const targets = "base" in settings && hasTargets(settings)
      ? upstreamTargets(settings, this.#deps)
      : undefined;
    const state = upstreamState(settings, this.#transport(settings), clock, faults, targets);
    this.#byName.set(settings.name, state);
    return state;
  }

  /** Returns how each upstream does now. */
  status(): UpstreamStatus[] {
    const now = this.#deps.clock.monotonic();
    return [...this.#byName].map(([name, { circuit }]) => upstreamStatus(name, circuit, now));
  }

  #transport(settings: UpstreamSettings): Source {
    const { clock, http, resources, logError } = this.#deps;
    if ("worker" in settings) {
      const onError = (error: unknown) => logError(error, `worker ${settings.name}`);
      const opened = workerSource(settings, { clock, onError });
      return functionSource(resources.source({ ...settings, ...opened }));
    }
    if ("open" in settings) return functionSource(resources.source(settings));
    if ("source" in settings) return functionSource(settings.source);
    return http(
      settings.base.origin + settings.base.pathname.replace(/\/$/, ""),
      settings.transport,
    );
  }
}
