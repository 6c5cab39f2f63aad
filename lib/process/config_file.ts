import type { Settings } from "../config/gateway.ts";
import { parseConfig } from "../config/parse.ts";
import type { Environment } from "../config/values.ts";
import { configDigest } from "./config_digest.ts";
import { FreshModules } from "./fresh_modules.ts";
import { type DefaultConfig, readConfig } from "./read_config.ts";

/** A config that is ready for use. */
export interface LoadedConfig {
  readonly settings: Settings;
  /** Identifies what the config says: the same in every process with that config. */
  readonly digest: string;
}

/** Where a config comes from. */
export interface ConfigFileOptions {
  /** Undefined for the default config. */
  readonly file: string | undefined;
  readonly fallback: DefaultConfig;
  readonly env: Environment;
  /** Whether its files will be watched. */
  readonly isWatched: boolean;
}

/** The config of a process. It is loaded at start, and again, whole and anew, at each reload. */
export class ConfigFile {
  readonly #options: ConfigFileOptions;
  readonly #modules = new FreshModules();
  #url: URL | undefined;
  /** The files of certificates and keys. */
  #certificates = new Set<string>();
  #isLoaded = false;

  constructor(options: ConfigFileOptions) {
    this.#options = options;
  }

  /** The file's name, as it was given. */
  get name(): string {
    return this.#options.file ?? this.#options.fallback.name;
  }

  /** The files that the last load has read, as URLs: the config, certificates and, if watched, what it imports. */
  get files(): readonly string[] {
    const url = this.#url ? [this.#url.href] : [];
    return [...new Set([...url, ...this.#certificates, ...this.#modules.files])];
  }

  /**
   * Reads and checks the config.
   * @throws {StartError} when it cannot be read; a `ConfigError` has every problem
   */
  async load(): Promise<LoadedConfig> {
    const { file, fallback, env, isWatched } = this.#options;
    const isAnew = this.#isLoaded || isWatched;
    this.#isLoaded = true;
    const importAnew = isAnew ? (url: URL) => this.#modules.import(url) : undefined;
    const { config, place } = await readConfig(file, fallback, importAnew);
    this.#url = place.url;
    const certificates = this.#certificates = new Set<string>();
    const readFile = (url: URL) => {
      certificates.add(url.href);
      return place.readFile?.(url);
    };
    const settings = parseConfig(config, env, { ...place, readFile });
    return { settings, digest: configDigest(config) };
  }
}
