/** Distinguishes the instances of a module, since each URL is loaded once in a process's life. */
const MARK = "?reload=";
/** The gateway's own modules, which a config shares with the gateway. */
const OWN = new URL("../", import.meta.url).href;

/**
 * Loads modules anew, with the files that they import by relative paths, also later while they run.
 * Packages, and what an import map names, stay the same instances. Old instances stay in memory, for
 * V8 never unloads a module: about as much as the size of its source, and 10 KB.
 */
export class FreshModules {
  #loads = 0;
  #hasHook = false;
  #files = new Set<string>();

  /** The files that the last load has read, as URLs. */
  get files(): ReadonlySet<string> {
    return this.#files;
  }

  /** Imports a new instance of a module. */
  async import(url: URL): Promise<unknown> {
    await this.#hook();
    this.#files = new Set([url.href]);
    return await import(`${url.href}${MARK}${++this.#loads}`);
  }

  /** Imported modules get the mark of the module that imports them. */
  async #hook(): Promise<void> {
    if (this.#hasHook) return;
    this.#hasHook = true;
    const { registerHooks } = await import("node:module");
    registerHooks({
      resolve: (specifier, context, next) => {
        const resolved = next(specifier, context);
        const mark = URL.parse(context.parentURL ?? "")?.search;
        const isFresh = mark?.startsWith(MARK) && /^\.\.?\//.test(specifier) &&
          resolved.url.startsWith("file:") && !resolved.url.startsWith(OWN);
        if (!isFresh) return resolved;
        this.#files.add(resolved.url);
        return { ...resolved, url: resolved.url + mark };
      },
    });
  }
}
