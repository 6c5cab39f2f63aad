/** The file of a store, as it was when it was opened. */
export class StoreFile {
  readonly #path: string;
  readonly #opened: Deno.FileInfo;

  private constructor(path: string, opened: Deno.FileInfo) {
    this.#path = path;
    this.#opened = opened;
  }

  /** Remembers which file it is. */
  static async at(path: string): Promise<StoreFile> {
    return new StoreFile(path, await Deno.stat(path));
  }

  /**
   * What became of the file: SQLite goes on writing to one that was deleted, which no other process
   * finds any more. Undefined while it is the same.
   */
  async trouble(): Promise<string | undefined> {
    try {
      const { dev, ino } = await Deno.stat(this.#path);
      const isSame = dev === this.#opened.dev && ino === this.#opened.ino;
      return isSame ? undefined : "the store's file was replaced; restart the gateway to use it";
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) return undefined;
      return "the store's file was deleted; restart the gateway to make a new one";
    }
  }
}
