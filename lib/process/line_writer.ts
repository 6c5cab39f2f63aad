import type { Clock } from "../core/clock.ts";

/** How long a line waits to be written together with others (ms). */
const BATCH_MS = 20;
/** The pause after a failed write (ms). */
const RETRY_MS = 1_000;

const ENCODER = new TextEncoder();

/** Where lines go, and how much may wait to be written. */
export interface LineWriterOptions {
  /** Writes UTF-8; resolves to the number of bytes written. May reject, or never settle. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** The most that may wait to be written (characters); a longer line is accepted when nothing waits. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  /** The line that replaces that many dropped lines. */
  readonly dropNotice: (lines: number) => string;
  /** Called with the reason when writing starts to fail, once until it works again. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Writes lines in batches and never blocks its caller. A write for each line would cost more than a
 * request does, and a reader that stalls, is gone or has a full disk must not stop the program.
 *
 * Lines that cannot be written wait, up to a bound. Beyond it the newest lines are dropped and
 * counted, and a notice takes their place when writing works again.
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  #waiting = "";
  /** What is left to write of the current batch. */
  #batch = new Uint8Array();
  #writing: Promise<boolean> | undefined;
  #timer: AbortController | undefined;
  #dropped = 0;
  #isFailing = false;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  /** Adds a line. It is written within 20 ms, unless writing is slow or fails. */
  line(text: string): void {
    // After a dropped line all are dropped until the notice is written, so that lines stay in order.
    if (
      this.#dropped > 0 || this.#size > 0 && this.#size + text.length > this.#options.maxWaiting
    ) {
      this.#dropped++;
      return;
    }
    this.#waiting += text + "\n";
    if (!this.#writing && !this.#timer) this.#writeIn(BATCH_MS);
  }

  /** Writes what waits without delay. Resolves when all is written, or writing fails. */
  async flush(): Promise<void> {
    while (this.#size > 0 && await this.#write());
  }

  get #size(): number {
    return this.#waiting.length + this.#batch.length;
  }

  #writeIn(ms: number): void {
    this.#stopTimer();
    const timer = this.#timer = new AbortController();
    this.#options.clock.sleep(ms, timer.signal).then(() => this.#write(), () => {});
  }

  /** Writes a batch, or joins the write in progress; resolves to whether it was written. */
  #write(): Promise<boolean> {
    this.#stopTimer();
    return this.#writing ??= this.#writeBatch();
  }

  #stopTimer(): void {
    this.#timer?.abort(STOPPED);
    this.#timer = undefined;
  }

  async #writeBatch(): Promise<boolean> {
    if (this.#batch.length === 0) {
      this.#batch = ENCODER.encode(this.#waiting);
      this.#waiting = "";
    }
    const failure = await this.#tryBatch();
    if (failure && !this.#isFailing) this.#options.onFailure?.(failure.error);
    this.#isFailing = failure !== undefined;
    if (!failure && this.#dropped > 0) {
      this.#waiting += this.#options.dropNotice(this.#dropped) + "\n";
      this.#dropped = 0;
    }
    this.#writing = undefined;
    if (this.#size > 0) this.#writeIn(failure ? RETRY_MS : BATCH_MS);
    return !failure;
  }

  /** A failure leaves the rest of the batch: a line cut in two is continued by the next write. */
  async #tryBatch(): Promise<{ readonly error: unknown } | undefined> {
    try {
      while (this.#batch.length > 0) {
        this.#batch = this.#batch.subarray(await this.#options.write(this.#batch));
      }
    } catch (error) {
      return { error };
    }
  }
}

/** Why a timer was cancelled; a constant, so that no stack trace is captured. */
const STOPPED = Symbol("stopped");
