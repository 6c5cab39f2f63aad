import type { Clock } from "../core/clock.ts";
import type { Context } from "../core/source.ts";
import type { WaitRecord } from "../core/trace.ts";
import { MAX_RECORDS } from "./ended_request.ts";

/** Who waits, and by which clock. */
export interface WaitRecorderOptions {
  /** The part's name; undefined for a forward or a whole request. */
  readonly part?: string | undefined;
  /** The upstream's name; undefined if it is not an upstream that is waited for. */
  readonly upstream?: string | undefined;
  readonly clock: Clock;
}

/**
 * Records how long calls or requests wait for one thing, in the traces of their requests. What need not
 * wait is not recorded, and costs nothing.
 */
export class WaitRecorder {
  readonly #for: WaitRecord["for"];
  readonly #options: WaitRecorderOptions;

  constructor(what: WaitRecord["for"], options: WaitRecorderOptions) {
    this.#for = what;
    this.#options = options;
  }

  /** Waits for a promise, and records the wait, however it ends. */
  async time<T>(waiting: Promise<T>, { span, trace: { waits } }: Context): Promise<T> {
    const { part, upstream, clock } = this.#options;
    const startedAt = clock.monotonic();
    const wait = span?.start(`wait for ${this.#for}`);
    try {
      return await waiting;
    } finally {
      wait?.end();
      const durationMs = clock.monotonic() - startedAt;
      if (waits && waits.length < MAX_RECORDS) {
        waits.push({ for: this.#for, part, upstream, startedAt, durationMs });
      }
    }
  }
}
