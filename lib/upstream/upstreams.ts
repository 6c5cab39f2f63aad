import type { UpstreamSettings } from "../config/upstream.ts";
import type { Clock } from "../core/clock.ts";
import type { HeldUpstream, SharedUpstreams } from "./shared_upstreams.ts";
import { type UpstreamStatus, upstreamStatus } from "./upstream_status.ts";
import type { UpstreamState } from "./upstream_state.ts";

/** Dependencies of {@linkcode Upstreams}. */
export interface UpstreamsDependencies {
  readonly upstreams: SharedUpstreams;
  readonly clock: Clock;
  /** Releases the upstreams when it is disposed of. */
  readonly closing: AsyncDisposableStack;
}

/** The upstreams of a gateway: each with one transport and one state, shared by all routes. */
export class Upstreams {
  readonly #deps: UpstreamsDependencies;
  readonly #byName = new Map<string, HeldUpstream>();

  constructor(deps: UpstreamsDependencies) {
    this.#deps = deps;
    deps.closing.defer(() => deps.upstreams.release(this.#byName.values()));
  }

  /** Returns the state of an upstream. */
  get(settings: UpstreamSettings): UpstreamState {
    const held = this.#byName.get(settings.name) ?? this.#deps.upstreams.hold(settings);
    this.#byName.set(settings.name, held);
    return held.state;
  }

  /** Returns how each upstream does now. */
  status(): UpstreamStatus[] {
    const now = this.#deps.clock.monotonic();
    return [...this.#byName.values()].map(({ name, state }) => upstreamStatus(name, state, now));
  }
}
