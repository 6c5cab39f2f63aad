import type { Clock, Random } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";
import { admission, after, type Breaker, CLOSED, type Outcome, probing } from "./breaker.ts";
import type { StoreCallKind } from "./breaker.ts";
import { isLocked } from "./kv_locked.ts";
import { StoreTimeout } from "./store_timeout.ts";
import { StoreUnavailable } from "./store_unavailable.ts";

/** Interval in which an open circuit is probed and the store's file is checked (ms). */
const LOOK_MS = 1_000;
/** How often `check` writes to a store that works (ms). */
const WRITE_MS = 5_000;
/** The timeout of a call that no client waits for is this many times as long. */
const BACKGROUND_TIMES = 10;

/** Who waits for a call: a client, or none. */
export type StoreCallPace = "client" | "background";

/** What is wrong with a store; safe to show to any client. */
export interface StoreTrouble {
  readonly reason: string;
  /** Whether it cannot even be read. */
  readonly isUnreadable: boolean;
}

/** Dependencies of a guard. */
export interface StoreGuardOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Timeout of a call that a client waits for (ms). */
  readonly timeoutMs: number;
  /** Rejects when the store cannot be read. */
  readonly read: () => Promise<unknown>;
  /** Rejects when it cannot be written. Absent: a store that can be read can be written. */
  readonly write?: () => Promise<unknown>;
  /** Returns what is wrong with its file, if anything. Absent: it has no file. */
  readonly file?: () => Promise<string | undefined>;
  /** Logs one line when the store is lost, and one when it is back. */
  readonly log: (line: string, isLost: boolean) => void;
  /** Called with each call that has ended, and how long it took (ms); for metrics. */
  readonly onCall?: StoreCallEnded | undefined;
}

/** Takes note of a call to the store that has ended; `late` is one that took too long. */
export type StoreCallEnded = (
  kind: StoreCallKind,
  outcome: "replied" | "failed" | "late",
  durationMs: number,
) => void;

/**
 * Guards every call of the store, for all its callers: each call has a timeout, one circuit breaker
 * refuses calls while the store fails, and recovery needs no traffic. Deno goes on sending a call to
 * KV Connect that has timed out, so the circuit also limits the number of hanging calls.
 *
 * Why one for all callers: with a breaker for each, every one of them delays a request before it
 * notices an outage, probes the store on its own, and logs the same outage in different words.
 */
export class StoreGuard {
  readonly #options: StoreGuardOptions;
  readonly #timers: Readonly<Record<StoreCallPace, TimerQueue>>;
  readonly #bounds: Readonly<Record<StoreCallPace, number>>;
  #breaker: Breaker = CLOSED;
  /** What is wrong with the store's file. */
  #fileTrouble: string | undefined;
  #isLogged = false;
  /** When `check` last wrote to the store (monotonic ms). */
  #writtenAt = -Infinity;

  constructor(options: StoreGuardOptions) {
    const { clock, timeoutMs } = options;
    this.#options = options;
    this.#bounds = { client: timeoutMs, background: BACKGROUND_TIMES * timeoutMs };
    this.#timers = {
      client: new TimerQueue(this.#bounds.client, clock),
      background: new TimerQueue(this.#bounds.background, clock),
    };
  }

  /** Whether a call would be made now. */
  admits(kind: StoreCallKind): boolean {
    const { refuses } = this.#breaker;
    return refuses === "nothing" ||
      admission(this.#breaker, kind, this.#options.clock.monotonic()) !== "refused";
  }

  /** What is known to be wrong with the store; undefined if nothing is. */
  get trouble(): StoreTrouble | undefined {
    const { refuses } = this.#breaker;
    if (refuses === "all") return { reason: "the store cannot be read", isUnreadable: true };
    if (this.#fileTrouble !== undefined) return { reason: this.#fileTrouble, isUnreadable: false };
    if (refuses === "nothing") return undefined;
    return { reason: "the store cannot be written", isUnreadable: false };
  }

  /**
   * Makes a call, or several that belong together.
   * @param pace who waits for it: a background call has ten times the timeout, is never a probe, and
   * makes the guard check the store when it times out
   * @throws {StoreUnavailable} without calling, while the circuit is open
   * @throws {StoreTimeout} when it takes too long: what it did is then unknown
   */
  async call<T>(
    kind: StoreCallKind,
    work: () => Promise<T>,
    pace: StoreCallPace = "client",
  ): Promise<T> {
    const begunAt = this.#options.clock.monotonic();
    const admitted = admission(this.#breaker, kind, begunAt);
    const isProbe = admitted === "probe";
    // A probe must end soon.
    if (admitted === "refused" || (isProbe && pace === "background")) throw new StoreUnavailable();
    if (isProbe) this.#breaker = probing(this.#breaker);
    const end = (outcome: Outcome, error?: unknown) =>
      this.#change({ kind, outcome, isProbe: isProbe && outcome !== "late", begunAt }, error);
    const told = (outcome: Parameters<StoreCallEnded>[1]) => {
      const { clock, onCall } = this.#options;
      onCall?.(kind, outcome, clock.monotonic() - begunAt);
    };
    let isLate = false;
    const late = () => end("late");
    try {
      const result = Promise.try(work);
      const value = await this.#within(result, pace, () => {
        isLate = true;
        result.then(late, late);
      });
      end("replied");
      told("replied");
      return value;
    } catch (error) {
      told(isLate ? "late" : "failed");
      if (!isLate) end(outcomeOf(error), error);
      else if (pace === "client") end("silent", error);
      else {
        end("slow");
        this.#writtenAt = -Infinity;
        this.check();
      }
      throw error;
    }
  }

  /** Reports the failure of a call that was not made through the guard. */
  failed(kind: StoreCallKind, error: unknown): void {
    const begunAt = this.#options.clock.monotonic();
    this.#change({ kind, outcome: outcomeOf(error), isProbe: false, begunAt }, error);
  }

  /** Reads the store, writes to it if that was not done recently, and returns what is wrong. */
  async check(): Promise<StoreTrouble | undefined> {
    const { read, write = resolved, file, clock } = this.#options;
    try {
      await this.call("read", read);
      this.#fileTrouble = await file?.();
      const isDue = clock.monotonic() - this.#writtenAt >= WRITE_MS;
      if (isDue || this.#breaker.refuses !== "nothing") {
        this.#writtenAt = clock.monotonic();
        await this.call("write", write);
      }
    } catch {
      // The circuit has recorded it.
    }
    this.#log();
    return this.trouble;
  }

  /** Probes an open circuit, and checks the store's file, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, file } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      if (!signal.aborted && (this.trouble || await file?.())) await this.check();
    }
  }

  #within<T>(result: Promise<T>, pace: StoreCallPace, onLate: () => void): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    let isOver = false;
    const timers = this.#timers[pace];
    const timer: Timer = timers.set(async () => {
      // After a busy moment, timers fire before replies are read: one turn for those.
      await this.#options.clock.sleep(0);
      if (isOver) return;
      isOver = true;
      onLate();
      reject(new StoreTimeout(this.#bounds[pace]));
    });
    const end = () => {
      isOver = true;
      timers.stop(timer);
    };
    result.then((value) => {
      end();
      resolve(value);
    }, (error) => {
      end();
      reject(error);
    });
    return promise;
  }

  #change(ended: Parameters<typeof after>[1], error: unknown): void {
    const { clock, random } = this.#options;
    const chance = ended.outcome === "replied" ? 0 : random();
    this.#breaker = after(this.#breaker, ended, clock.monotonic(), chance);
    this.#log(error);
  }

  #log(error?: unknown): void {
    const { trouble } = this;
    if ((trouble !== undefined) === this.#isLogged) return;
    this.#isLogged = trouble !== undefined;
    const why = error === undefined ? "" : `: ${error instanceof Error ? error.message : error}`;
    this.#options.log(trouble ? `${trouble.reason}${why}` : "the store is back", this.#isLogged);
  }
}

/** The outcome of a call that was rejected in time. */
function outcomeOf(error: unknown): Outcome {
  if (isLocked(error)) return "locked";
  // Refused by the gateway itself, or larger than Deno KV accepts.
  const isInvalid = error instanceof GatewayError ||
    (error instanceof TypeError && /too (?:large|many)/i.test(error.message));
  return isInvalid ? "invalid" : "failed";
}

function resolved(): Promise<void> {
  return Promise.resolve();
}
