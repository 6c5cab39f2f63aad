import { hasConditions } from "../config/has_conditions.ts";
import type { ConfigPlace } from "../config/named_files.ts";
import { isRecord } from "../core/is_record.ts";
import { StartError } from "../core/start_error.ts";
import { loadConditions } from "../expression/condition.ts";
import { configPlace } from "./config_place.ts";

/** A config that has been read but not validated, and where the files that it names are looked for. */
export interface ReadConfig {
  readonly config: unknown;
  readonly place: ConfigPlace;
}

/** Loads a module. */
export type ImportModule = (url: URL) => Promise<unknown>;

/** The config module that is used when no file is named. */
export interface DefaultConfig {
  readonly name: string;
  readonly url: URL;
  readonly load: ImportModule;
}

/**
 * Reads the config: the default export of a module, or a JSON document.
 * @param file a path; undefined for the default config
 * @param importModule loads a module (default: once in the life of the process)
 * @throws {StartError} when it cannot be read, or the module has no default export
 */
export async function readConfig(
  file: string | undefined,
  fallback: DefaultConfig,
  importModule?: ImportModule,
): Promise<ReadConfig> {
  const name = file ?? fallback.name;
  try {
    const url = file === undefined ? fallback.url : await fileUrl(file);
    const ordinary = file === undefined ? fallback.load : importOnce;
    const config = await load(url, importModule ?? ordinary);
    if (hasConditions(config)) await loadConditions();
    if (config !== undefined) return { config, place: configPlace(url) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the config ${name} cannot be read: ${reason}`);
  }
  throw new StartError(`the config ${name} must be its module's default export`);
}

async function load(url: URL, importModule: ImportModule): Promise<unknown> {
  if (url.pathname.endsWith(".json")) return JSON.parse(await Deno.readTextFile(url));
  const module = await importModule(url);
  return isRecord(module) ? module.default : undefined;
}

function importOnce(url: URL): Promise<unknown> {
  return import(url.href);
}

/** Node's modules are imported only where they are needed: they take as long to load as the gateway. */
async function fileUrl(file: string): Promise<URL> {
  const { resolve } = await import("node:path");
  const { pathToFileURL } = await import("node:url");
  return pathToFileURL(resolve(file));
}
