/** The file of a store, to notice when it is deleted or replaced. */
export class StoreFile {
  readonly #path: string;
  readonly #opened: Deno.FileInfo;

  private constructor(path: string, opened: Deno.FileInfo) {
    this.#path = path;
    this.#opened = opened;
  }

  /** Records the identity (device and inode) of the file at a path. */
  static async at(path: string): Promise<StoreFile> {
    return new StoreFile(path, await Deno.stat(path));
  }

  /**
   * Returns what happened to the file; undefined while it is the same. SQLite goes on writing to a
   * deleted file, which no other process can find.
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
