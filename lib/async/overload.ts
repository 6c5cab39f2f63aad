/** The limits of a gateway's load, and where its lag is measured. */
export interface OverloadOptions {
  /** Maximum requests in flight (default: no limit). */
  readonly maxInFlight?: number | undefined;
  /** Maximum lag (ms; default: no limit). */
  readonly maxLagMs?: number | undefined;
  /** How long a request that arrives now waits for the CPU (ms). */
  readonly lagMs: () => number;
  /** The monotonic clock (ms). */
  readonly now: () => number;
  /** Counts the requests in flight, also for the gateway before a reload (default: a count of its own). */
  readonly load?: Load;
  /** Called with what is shed, and why, when that begins; for the log. */
  readonly report?: (text: string) => void;
}

/** The requests in flight that count towards a limit. */
export interface Load {
  inFlight: number;
}

/** The load, as a multiple of the limit, above which optional parts are left out. */
const DROP_ABOVE = 1;
/** How long they are left out after that (ms), so that it does not change from request to request. */
const DROP_MS = 1_000;
/** The load above which requests are refused, and below which that ends. */
const REFUSE_ABOVE = 1.25;
const REFUSE_UNTIL = 1.1;
/** How long one report stands for all that follow (ms). */
const REPORT_MS = 10_000;

/**
 * Decides what a gateway sheds when it is overloaded: at first the optional parts of responses, then
 * whole requests, before they cost anything.
 *
 * One limit has two thresholds, because the first measure often makes the second one unnecessary:
 * without their optional parts requests need less of the CPU, and of the upstreams that slow them
 * down. Refusing early keeps the latency of what was admitted: a request that would wait longer than
 * its client does is work for nothing.
 *
 * Optional parts are left out for a while, not until the load is below a threshold: the effect comes
 * with the delay of a request, so a threshold alone would have refused requests before it showed.
 */
export class Overload {
  readonly #maxInFlight: number;
  readonly #maxLagMs: number;
  readonly #lagMs: () => number;
  readonly #now: () => number;
  readonly #report: (text: string) => void;
  readonly #reportedAt = new Map<string, number>();
  readonly #load: Load;
  /** Until when optional parts are left out (monotonic, ms). */
  #dropsUntil = -Infinity;
  #refuses = false;

  constructor(
    {
      maxInFlight = Infinity,
      maxLagMs = Infinity,
      lagMs,
      now,
      load = { inFlight: 0 },
      report = () => {},
    }: OverloadOptions,
  ) {
    this.#load = load;
    this.#maxInFlight = maxInFlight;
    this.#maxLagMs = maxLagMs;
    this.#lagMs = lagMs;
    this.#now = now;
    this.#report = report;
  }

  /** Whether any limit is set. */
  get isLimited(): boolean {
    return this.#maxInFlight < Infinity || this.#maxLagMs < Infinity;
  }

  /** How many requests are in flight. */
  get inFlight(): number {
    return this.#load.inFlight;
  }

  /** Whether calls of optional parts are left out now. */
  get dropsOptional(): boolean {
    this.#measure();
    return this.#dropsUntil > -Infinity && this.#now() < this.#dropsUntil;
  }

  /** Admits a request; false if it has to be refused. */
  enter(): boolean {
    this.#load.inFlight++;
    const load = this.#measure();
    this.#refuses = load > (this.#refuses ? REFUSE_UNTIL : REFUSE_ABOVE);
    if (!this.#refuses) return true;
    this.#tell("requests are refused");
    this.#load.inFlight--;
    return false;
  }

  /** Ends an admitted request. */
  leave(): void {
    this.#load.inFlight--;
  }

  /** Returns the load as a multiple of the nearest limit. */
  #measure(): number {
    const load = Math.max(this.#load.inFlight / this.#maxInFlight, this.#lagMs() / this.#maxLagMs);
    if (load > DROP_ABOVE) {
      this.#dropsUntil = this.#now() + DROP_MS;
      this.#tell("optional parts are left out");
    }
    return load;
  }

  #tell(what: string): void {
    const now = this.#now();
    const since = this.#reportedAt.get(what) ?? -Infinity;
    if (now - since < REPORT_MS) return;
    this.#reportedAt.set(what, now);
    const lag = Math.round(this.#lagMs());
    this.#report(`${what}: ${this.#load.inFlight} requests in flight, a lag of ${lag} ms`);
  }
}
