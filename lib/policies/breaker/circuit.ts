import { type CallCounts, CallWindow } from "./call_window.ts";

/** When a circuit opens, and how it closes. */
export interface CircuitSettings {
  /** How long a call counts (ms). */
  readonly windowMs: number;
  /** Calls within the window below which it does not open. */
  readonly minCalls: number;
  /** The share of failed calls at which it opens. */
  readonly failureRate: number;
  /** From this duration on a call is slow (ms). */
  readonly slowAfterMs: number;
  /** The share of slow calls at which it opens. */
  readonly slowRate: number;
  /** How long it stays open before calls probe the upstream (ms). */
  readonly openForMs: number;
  /** How many probes run at a time, and must succeed to close it. */
  readonly probes: number;
}

/** Whether an upstream is called: always, not at all, or by probes alone. */
export type CircuitState = "closed" | "open" | "half-open";

/** How a call ended that shows something about the upstream. */
export interface EndedCall {
  /** The circuit's generation when the call began. */
  readonly generation: number;
  readonly isFailed: boolean;
  readonly isSlow: boolean;
}

/**
 * A circuit breaker as a state machine: it makes no calls, waits for nothing and has no clock.
 *
 * Calls take long to end, so outcomes arrive late: what an upstream failed to do before the circuit
 * opened must not count against the probes that try it afterwards, nor close the circuit. Each state
 * therefore has a generation, and a call counts only for the generation in which it began.
 *
 * The probes decide together: one that is bad opens the circuit again, `probes` good ones close it. A
 * probe that ends without an outcome, because its client left, gives its place to another.
 */
export class Circuit {
  readonly #settings: CircuitSettings;
  readonly #window: CallWindow;
  #state: CircuitState = "closed";
  #generation = 0;
  /** When the first probe may run (monotonic, ms). */
  #opensUntil = 0;
  /** Probes that run, and that have succeeded. */
  #probing = 0;
  #succeeded = 0;

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
    this.#window = new CallWindow(settings.windowMs);
  }

  /** Identifies the current state, and differs from those of all states before it. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether all calls are made. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** The state at a time: an open circuit is half-open once its time is over. */
  stateAt(now: number): CircuitState {
    return this.#state === "open" && now >= this.#opensUntil ? "half-open" : this.#state;
  }

  /** The calls within the window; those that opened it, unless it is closed. */
  countsAt(now: number): CallCounts {
    if (this.isClosed) this.#window.moveTo(now);
    const { calls, failed, slow } = this.#window;
    return { calls, failed, slow };
  }

  /**
   * How long calls are refused (ms); undefined if a call may be made now, and 0 if that depends on the
   * probes that run.
   */
  refusedForMs(now: number): number | undefined {
    switch (this.stateAt(now)) {
      case "closed":
        return undefined;
      case "open":
        return this.#opensUntil - now;
      case "half-open":
        return this.#probing + this.#succeeded < this.#settings.probes ? undefined : 0;
    }
  }

  /**
   * Begins a probe, which `refusedForMs` allowed.
   * @returns its generation, for {@linkcode endProbe}
   */
  beginProbe(): number {
    if (this.#state === "open") this.#change("half-open");
    this.#probing++;
    return this.#generation;
  }

  /** Ends a probe, whether it had an outcome or not. */
  endProbe(generation: number): void {
    if (generation === this.#generation) this.#probing--;
  }

  /** Whether a call of this duration was slow. */
  isSlow(ms: number): boolean {
    return ms >= this.#settings.slowAfterMs;
  }

  /** Counts a call that ended. Returns the state that it led to; undefined if it changed nothing. */
  record(ended: EndedCall, now: number): CircuitState | undefined {
    const { generation, isFailed, isSlow } = ended;
    if (generation !== this.#generation) return undefined;
    if (this.#state === "closed") {
      this.#window.add(isFailed, isSlow, now);
      return this.#isBad ? this.#open(now) : undefined;
    }
    if (this.#state === "open") return undefined;
    if (isFailed || isSlow) return this.#open(now);
    if (++this.#succeeded < this.#settings.probes) return undefined;
    this.#window.clear();
    return this.#change("closed");
  }

  get #isBad(): boolean {
    const { calls, failed, slow } = this.#window;
    const { minCalls, failureRate, slowRate } = this.#settings;
    return calls >= minCalls && (failed >= failureRate * calls || slow >= slowRate * calls);
  }

  #open(now: number): CircuitState {
    this.#opensUntil = now + this.#settings.openForMs;
    return this.#change("open");
  }

  #change(state: CircuitState): CircuitState {
    this.#generation++;
    this.#probing = this.#succeeded = 0;
    return this.#state = state;
  }
}
