import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { within } from "../core/within.ts";
import { StoreTimeout } from "./store_timeout.ts";

/** How often a store in trouble, and the file of any, is looked at (ms). */
const LOOK_MS = 1_000;
/** How often a store that does well is written to, to see whether it can be (ms). */
const WRITE_MS = 5_000;

/** What is wrong with a store, in words that anybody may read. */
export interface StoreTrouble {
  readonly reason: string;
  /** Whether it cannot even be read. */
  readonly isUnreadable: boolean;
}

/** What watching a store needs. */
export interface StoreWatchOptions {
  readonly clock: Clock;
  /** Rejects when it cannot be read. */
  readonly read: () => Promise<unknown>;
  /** Rejects when it cannot be written. Absent: whatever can be read can. */
  readonly write?: () => Promise<unknown>;
  /** What became of its file; undefined for nothing. Absent: it has none. */
  readonly file?: () => Promise<string | undefined>;
  /** Told in one line when the store is lost, and when it is back. */
  readonly log: (line: string) => void;
}

/**
 * Knows whether the store can be used: from those whose calls failed, and by trying it. It says so
 * to the log once a change, and to whoever asks for the gateway's health.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  #trouble: StoreTrouble | undefined;
  /** Whether the trouble is that no answer came. */
  #isSilent = false;
  #unwritten: StoreTrouble | undefined;
  #writtenAt = -Infinity;
  /** A write that has not come back; no other is sent meanwhile. */
  #writing: Promise<unknown> | undefined;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
  }

  /** Whether calls get no answer: then whoever can should do without. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** A call of somebody's failed. */
  failed(error: unknown): void {
    if (this.#trouble) return;
    this.#unwritten = { reason: "the store cannot be used", isUnreadable: false };
    this.#writtenAt = -Infinity;
    this.#change(this.#unwritten, error);
  }

  /** Calls succeed again. */
  recovered(): void {
    this.#unwritten = undefined;
    this.#change(undefined);
  }

  /** Reads the store, writes to it where that was not seen lately, and says what is wrong. */
  async check(): Promise<StoreTrouble | undefined> {
    const [trouble, cause] = await this.#look();
    this.#change(trouble, cause);
    return trouble;
  }

  /** Looks after the file, and after a store in trouble, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock, file } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      if (!signal.aborted && (this.#trouble || await file?.())) await this.check();
    }
  }

  async #look(): Promise<[trouble?: StoreTrouble | undefined, cause?: unknown]> {
    const { read, file, clock } = this.#options;
    const ms = DEFAULTS.readyMs;
    try {
      await within(read(), ms, clock, () => new StoreTimeout(ms));
    } catch (error) {
      return [{ reason: "the store cannot be read", isUnreadable: true }, error];
    }
    const reason = await file?.();
    if (reason !== undefined) return [{ reason, isUnreadable: false }];
    const everyMs = this.#trouble ? LOOK_MS : WRITE_MS;
    const isDue = clock.monotonic() - this.#writtenAt >= everyMs;
    return isDue ? await this.#write() : [this.#unwritten];
  }

  async #write(): Promise<[trouble?: StoreTrouble | undefined, cause?: unknown]> {
    const { write, clock } = this.#options;
    this.#writtenAt = clock.monotonic();
    if (!write) return [this.#unwritten = undefined];
    const ms = DEFAULTS.storeTimeoutMs;
    this.#writing ??= write().finally(() => this.#writing = undefined);
    try {
      await within(this.#writing, ms, clock, () => new StoreTimeout(ms));
      return [this.#unwritten = undefined];
    } catch (error) {
      this.#unwritten = { reason: "the store cannot be written", isUnreadable: false };
      return [this.#unwritten, error];
    }
  }

  #change(trouble: StoreTrouble | undefined, cause?: unknown): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    this.#isSilent = trouble !== undefined &&
      (cause instanceof StoreTimeout || (this.#isSilent && cause === undefined));
    if (trouble && !before) {
      const why = cause === undefined ? "" : `: ${cause instanceof Error ? cause.message : cause}`;
      this.#options.log(`${trouble.reason}${why}`);
    } else if (before && !trouble) this.#options.log("the store is back");
  }
}
