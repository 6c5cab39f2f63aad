import type { Clock } from "./clock.ts";

/** A pending timer; it is itself the entry in its queue, in order of time. */
export interface Timer {
  /** When it fires, on the monotonic clock (ms). */
  due: number;
  isSet: boolean;
  earlier: Timer | undefined;
  later: Timer | undefined;
  /** Called when it fires. */
  ring(): void;
}

/**
 * Timers with the same duration. They fire in the order in which they were set, so one system timer
 * serves them all, and setting one costs a tenth of a system timer. Without timers nothing sleeps.
 */
export class TimerQueue {
  readonly #ms: number;
  readonly #clock: Clock;
  #first: Timer | undefined;
  #last: Timer | undefined;
  #sleep: AbortController | undefined;
  readonly #lingers: boolean;
  /** Whether an empty queue's sleep is looked at when the turn ends. */
  #isLingering = false;
  #isRinging = false;
  /** When all timers fire at the latest (monotonic, ms). */
  #latest = Infinity;

  /**
   * @param ms the duration of each timer
   * @param lingers whether a queue that has become empty sleeps on until the turn of the event loop
   * ends: for timers that are mostly stopped in the turn in which they were set
   */
  constructor(ms: number, clock: Clock, lingers = false) {
    this.#ms = ms;
    this.#clock = clock;
    this.#lingers = lingers;
  }

  /**
   * Sets a timer.
   * @param since when it starts (monotonic, ms): now, or just before
   */
  set(ring: () => void, since: number = this.#clock.monotonic()): Timer {
    const timer: Timer = { due: 0, isSet: false, earlier: undefined, later: undefined, ring };
    this.start(timer, since);
    return timer;
  }

  /** Starts a timer of the caller's own, which must not be pending; see {@linkcode set}. */
  start(timer: Timer, since: number = this.#clock.monotonic()): void {
    timer.due = Math.min(since + this.#ms, this.#latest);
    timer.isSet = true;
    timer.earlier = this.#last;
    timer.later = undefined;
    if (this.#last) this.#last.later = timer;
    else this.#first = timer;
    this.#last = timer;
    if (this.#sleep === undefined && !this.#isRinging) this.#sleepUntil(timer.due);
  }

  /** Makes every timer fire at that time at the latest, including those set later. */
  ringAllBy(latest: number): void {
    this.#latest = latest;
    if (this.#isRinging) return;
    this.#endSleep();
    if (this.#first) this.#sleepUntil(this.#first.due);
  }

  /** Stops a timer, whether it has fired or not. */
  stop(timer: Timer): void {
    this.#remove(timer);
    if (this.#first) return;
    if (this.#lingers) this.#linger();
    else this.#endSleep();
  }

  #linger(): void {
    if (this.#isLingering || this.#sleep === undefined) return;
    this.#isLingering = true;
    setImmediate(this.#endLingering);
  }

  readonly #endLingering = (): void => {
    this.#isLingering = false;
    if (this.#first === undefined) this.#endSleep();
  };

  #endSleep(): void {
    this.#sleep?.abort(STOPPED);
    this.#sleep = undefined;
  }

  #remove(timer: Timer): void {
    if (!timer.isSet) return;
    timer.isSet = false;
    const { earlier, later } = timer;
    if (earlier) earlier.later = later;
    else this.#first = later;
    if (later) later.earlier = earlier;
    else this.#last = earlier;
    timer.earlier = timer.later = undefined;
  }

  #sleepUntil(due: number): void {
    const sleep = this.#sleep = new AbortController();
    const end = Math.min(due, this.#latest);
    const ms = end - this.#clock.monotonic();
    this.#clock.sleep(ms, sleep.signal).then(() => this.#wake(sleep, end), () => {});
  }

  /**
   * @param end when the sleep was to end: it is over, also where the monotonic clock stood still
   */
  #wake(sleep: AbortController, end: number): void {
    if (this.#sleep !== sleep) return;
    this.#sleep = undefined;
    // Callbacks may set and stop timers, so the next sleep is chosen afterwards.
    this.#isRinging = true;
    const now = Math.max(this.#clock.monotonic(), end);
    const last = now < this.#latest ? now : Infinity;
    for (let timer = this.#first; timer && timer.due <= last; timer = this.#first) {
      this.#remove(timer);
      timer.ring();
    }
    this.#isRinging = false;
    if (this.#first) this.#sleepUntil(this.#first.due);
  }
}

/** The reason to end a sleep early; a constant, so that no stack is captured. */
const STOPPED = Symbol("stopped");
