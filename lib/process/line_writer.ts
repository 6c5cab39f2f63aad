import type { Clock } from "../core/clock.ts";

/** How long a line waits for others to be written with (ms). */
const BATCH_MS = 20;
/** How long after a failed write the next one is tried (ms). */
const RETRY_MS = 1_000;

const ENCODER = new TextEncoder();

/** Where lines go, and how many may wait for it. */
export interface LineWriterOptions {
  /** Resolves to how many of the bytes (UTF-8) were written; may reject, or never settle. */
  readonly write: (bytes: Uint8Array) => Promise<number>;
  /** How much may wait to be written (characters); a longer line is taken when nothing waits. */
  readonly maxWaiting: number;
  readonly clock: Clock;
  /** The line that stands where so many lines were dropped. */
  readonly dropNotice: (lines: number) => string;
  /** Told why when writing begins to fail, and again when it fails after it worked. */
  readonly onFailure?: (error: unknown) => void;
}

/**
 * Writes lines in batches, and never makes anybody wait: a write for each line would cost more
 * than a request does, and a reader that stalls, leaves or has no room left must not stop the
 * program.
 *
 * What cannot be written waits, up to a bound. Beyond it the newest lines are dropped, whole and
 * counted, and a notice stands in their place as soon as writing works again.
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  #waiting = "";
  /** The rest of the batch under way. */
  #batch = new Uint8Array();
  #writing: Promise<boolean> | undefined;
  #timer: AbortController | undefined;
  #dropped = 0;
  #isFailing = false;

  constructor(options: LineWriterOptions) {
    this.#options = options;
  }

  /** Adds a line; unless writing is slow or fails, it is written 20 ms later at the latest. */
  line(text: string): void {
    // Once a line is dropped, so are those after it, up to the notice: nothing changes places.
    if (
      this.#dropped > 0 || this.#size > 0 && this.#size + text.length > this.#options.maxWaiting
    ) {
      this.#dropped++;
      return;
    }
    this.#waiting += text + "\n";
    if (!this.#writing && !this.#timer) this.#writeIn(BATCH_MS);
  }

  /** Writes at once what waits. Resolves when nothing waits any more, or writing fails. */
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

  /** Writes a batch, or waits for the one under way; resolves to whether it was written. */
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

  /** A failure leaves what was not written: the line that it cut in two is continued later. */
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

/** Why a timer was put away; a constant, so that no stack is captured for it. */
const STOPPED = Symbol("stopped");
