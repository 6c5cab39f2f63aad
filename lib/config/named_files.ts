import type { Reader } from "./reader.ts";

/** The location of a config, to resolve the files that it names. */
export interface ConfigPlace {
  /** The config file, or its folder with a slash at the end. */
  readonly url: URL;
  readonly hasFile: (url: URL) => boolean;
  /** Reads a text file; undefined if it cannot be read. Absent: the config can name no certificates. */
  readonly readFile?: (url: URL) => string | undefined;
}

/** The files that a config names. */
export class NamedFiles {
  readonly #reader: Reader;
  readonly #place: ConfigPlace | undefined;

  constructor(reader: Reader, place: ConfigPlace | undefined) {
    this.#reader = reader;
    this.#place = place;
  }

  /** Returns the text of a file; undefined, with the problem reported, if it cannot be read. */
  text(file: string, path: readonly string[]): string | undefined {
    const url = this.#place && new URL(file, this.#place.url);
    const text = url && this.#place?.readFile?.(url);
    const rule = "must be a file that can be read, relative to the config";
    return text ?? this.#reader.report(path, rule, file);
  }

  /** Returns the URL of a module; undefined, with the problem reported, if there is no such file. */
  module(file: string, path: readonly string[]): URL | undefined {
    if (this.#place === undefined) {
      const rule = "must not be set in a config that is not read from a file";
      return this.#reader.report(path, rule, file);
    }
    const url = new URL(file, this.#place.url);
    if (this.#place.hasFile(url)) return url;
    return this.#reader.report(path, "must be the path of a file, relative to the config", file);
  }
}
