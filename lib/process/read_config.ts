import type { ConfigPlace } from "../config/parse.ts";
import { StartError } from "../core/start_error.ts";

/** A config that has been read but not validated, and where the files that it names are looked for. */
export interface ReadConfig {
  readonly config: unknown;
  readonly place: ConfigPlace;
}

/** The config module that is used when no file is named. */
export interface DefaultConfig {
  readonly name: string;
  readonly url: URL;
  readonly load: () => Promise<{ readonly default?: unknown }>;
}

/**
 * Reads the config: the default export of a module, or a JSON document.
 * @param file a path; undefined for the default config
 * @throws {StartError} when it cannot be read, or the module has no default export
 */
export async function readConfig(
  file: string | undefined,
  fallback: DefaultConfig,
): Promise<ReadConfig> {
  const name = file ?? fallback.name;
  try {
    const url = file === undefined ? fallback.url : await fileUrl(file);
    const config = await load(url, file === undefined ? fallback.load : undefined);
    if (config !== undefined) return { config, place: { url, hasFile } };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the config ${name} cannot be read: ${reason}`);
  }
  throw new StartError(`the config ${name} must be its module's default export`);
}

async function load(url: URL, loadModule: DefaultConfig["load"] | undefined): Promise<unknown> {
  if (loadModule) return (await loadModule()).default;
  if (url.pathname.endsWith(".json")) return JSON.parse(await Deno.readTextFile(url));
  const module: { readonly default?: unknown } = await import(url.href);
  return module.default;
}

/** Node's modules are imported only where they are needed: they take as long to load as the gateway. */
async function fileUrl(file: string): Promise<URL> {
  const { resolve } = await import("node:path");
  const { pathToFileURL } = await import("node:url");
  return pathToFileURL(resolve(file));
}

function hasFile(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
