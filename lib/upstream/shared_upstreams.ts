import type { UpstreamSettings } from "../config/upstream.ts";
import type { Source } from "../core/source.ts";
import { functionSource } from "../transport/function.ts";
import { workerSource } from "../transport/worker_source.ts";
import { FaultLog } from "./fault_log.ts";
import type { Resources } from "./resources.ts";
import { settingsKey } from "./settings_key.ts";
import { type UpstreamState, upstreamState } from "./upstream_state.ts";
import { hasTargets, type TargetsDependencies, upstreamTargets } from "./upstream_targets.ts";

/** Dependencies of {@linkcode SharedUpstreams}. */
export interface SharedUpstreamsDependencies extends Omit<TargetsDependencies, "closing"> {
  readonly resources: Pick<Resources, "source" | "close">;
  readonly logError: (error: unknown, place: string) => void;
}

/** An upstream in use. */
export interface HeldUpstream {
  readonly name: string;
  readonly state: UpstreamState;
  /** Identifies its settings. */
  readonly key: string;
  /** Ends what runs without calls: its health checks. */
  readonly closing: AsyncDisposableStack;
  /** What keeps something open; undefined for an HTTP API. */
  readonly opened?: Source | undefined;
}

/**
 * The upstreams of a process, shared by the gateways of the config before a reload and after it.
 *
 * An upstream whose settings stay the same has one state for both: its circuit breaker, targets,
 * budgets and limits. One whose settings change starts anew, while the requests in flight finish with
 * the state that they began with. An upstream ends when no gateway uses it.
 */
export class SharedUpstreams {
  readonly #deps: SharedUpstreamsDependencies;
  readonly #held = new Map<string, HeldUpstream & { users: number }>();
  readonly #identities = new WeakMap<object, number>();
  #lastIdentity = 0;

  constructor(deps: SharedUpstreamsDependencies) {
    this.#deps = deps;
  }

  /** How many there are. */
  get size(): number {
    return this.#held.size;
  }

  /** All upstreams in use; of those with the same name, the newest last. */
  all(): readonly HeldUpstream[] {
    return [...this.#held.values()];
  }

  /** Returns an upstream for a gateway, until that releases it. */
  hold(settings: UpstreamSettings): HeldUpstream {
    const key = settingsKey(settings, (of) => this.#identity(of));
    const held = this.#held.get(key) ?? { ...this.#create(settings), key, users: 0 };
    this.#held.set(key, held);
    held.users++;
    return held;
  }

  /** Releases upstreams that a gateway held; closes those that no other one holds. */
  async release(upstreams: Iterable<HeldUpstream>): Promise<void> {
    const unused: HeldUpstream[] = [];
    for (const { key } of upstreams) {
      const held = this.#held.get(key);
      if (!held || --held.users > 0) continue;
      this.#held.delete(key);
      unused.push(held);
    }
    await Promise.all(unused.map(({ closing }) => closing.disposeAsync()));
    await this.#deps.resources.close(unused.flatMap(({ opened }) => opened ?? []));
  }

  #create(settings: UpstreamSettings): Omit<HeldUpstream, "key"> {
    const { clock, logFault } = this.#deps;
    const { name } = settings;
    const closing = new AsyncDisposableStack();
    const origin = "base" in settings ? settings.base.origin : undefined;
    const faults = new FaultLog(name, clock, logFault, origin);
    const targets = "base" in settings && hasTargets(settings)
      ? upstreamTargets(settings, { ...this.#deps, closing })
      : undefined;
    const { transport, opened } = this.#transport(settings);
    return {
      name,
      state: upstreamState(settings, transport, clock, faults, targets),
      closing,
      opened,
    };
  }

  #transport(settings: UpstreamSettings): { transport: Source; opened?: Source } {
    const { clock, http, resources, logError } = this.#deps;
    if ("worker" in settings) {
      const onError = (error: unknown) => logError(error, `worker ${settings.name}`);
      const pool = workerSource(settings, { clock, onError });
      const opened = resources.source({ ...settings, ...pool });
      return { transport: functionSource(opened), opened };
    }
    if ("open" in settings) {
      const opened = resources.source(settings);
      return { transport: functionSource(opened), opened };
    }
    if ("source" in settings) return { transport: functionSource(settings.source) };
    if (!("base" in settings)) throw new Error(`${settings.name} has nothing to call`);
    const { base: { origin, pathname }, transport } = settings;
    return {
      transport: http(origin + pathname.replace(/\/$/, ""), transport, undefined, settings),
    };
  }

  #identity(of: object): number {
    const identity = this.#identities.get(of) ?? ++this.#lastIdentity;
    this.#identities.set(of, identity);
    return identity;
  }
}
