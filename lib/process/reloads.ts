import type { Level } from "../log/level.ts";
import type { Clock } from "../core/clock.ts";
import { StartError } from "../core/start_error.ts";
import type { LoadedConfig } from "./config_file.ts";

/** The config in use, and how reloads went. */
export interface ReloadStatus {
  /** Identifies what the config in use says: the same in every process with that config. */
  readonly digest: string;
  /** When it was loaded (wall clock, ms since 1970). */
  readonly loadedAt: number;
  /** How many reloads succeeded since the start. */
  readonly succeeded: number;
  /** How many failed, so that the config before stayed in use. */
  readonly failed: number;
  /** Whether the last reload failed. */
  readonly hasFailed: boolean;
  /** The last reload that failed; undefined for none. */
  readonly lastFailure: { readonly at: number; readonly message: string } | undefined;
}

/** Dependencies of {@linkcode Reloads}. */
export interface ReloadsOptions {
  /** The config that the process has started with. */
  readonly loaded: LoadedConfig;
  /** Loads the config and checks it; rejects when it is wrong. */
  readonly load: () => Promise<LoadedConfig>;
  readonly clock: Clock;
  /** Called with what happened, for the log. */
  readonly log: (level: Level, text: string) => void;
}

/** Puts a config into use; when it rejects, the one before stays in use. */
export type UseConfig = (loaded: LoadedConfig) => Promise<void>;

/** Reloads the config, one reload at a time. */
export class Reloads {
  readonly #options: ReloadsOptions;
  #status: ReloadStatus;
  #running: Promise<void> | undefined;
  #use: UseConfig | undefined;
  #isWanted = false;

  constructor(options: ReloadsOptions) {
    this.#options = options;
    this.#status = {
      digest: options.loaded.digest,
      loadedAt: options.clock.wall(),
      succeeded: 0,
      failed: 0,
      hasFailed: false,
      lastFailure: undefined,
    };
  }

  /** How reloads went so far. */
  get status(): ReloadStatus {
    return this.#status;
  }

  /** Begins to reload, also for calls before. */
  start(use: UseConfig): void {
    this.#use = use;
    this.#run();
  }

  /** Ends reloading: later calls do nothing. */
  stop(): void {
    this.#use = undefined;
  }

  /**
   * Reloads the config. Resolves when it, or the one before, is in use. Calls during a reload share
   * one more, which begins after it.
   */
  reload(): Promise<void> {
    this.#isWanted = true;
    return this.#run();
  }

  #run(): Promise<void> {
    if (!this.#isWanted || !this.#use) return Promise.resolve();
    return this.#running ??= this.#runAll();
  }

  async #runAll(): Promise<void> {
    while (this.#isWanted && this.#use) {
      this.#isWanted = false;
      await this.#once(this.#use);
    }
    this.#running = undefined;
  }

  async #once(use: UseConfig): Promise<void> {
    const { load, clock, log } = this.#options;
    const { succeeded, failed } = this.#status;
    try {
      const loaded = await load();
      await use(loaded);
      const { digest, settings: { routes, upstreams } } = loaded;
      this.#status = {
        ...this.#status,
        digest,
        loadedAt: clock.wall(),
        succeeded: succeeded + 1,
        hasFailed: false,
      };
      const counts = `${count(routes, "route")}, ${count(upstreams, "upstream")}`;
      log("info", `reloaded: ${counts} (${digest})`);
    } catch (error) {
      if (this.#use === undefined) return; // it was stopped
      const message = messageOf(error);
      this.#status = {
        ...this.#status,
        failed: failed + 1,
        hasFailed: true,
        lastFailure: { at: clock.wall(), message },
      };
      log("error", `not reloaded, the config before stays in use:\n${message}`);
    }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof StartError) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

function count({ length }: readonly unknown[], noun: string): string {
  return `${length} ${noun}${length === 1 ? "" : "s"}`;
}
