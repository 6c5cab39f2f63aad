import { StartError } from "../core/start_error.ts";

const NAMES = ["gateway.config.ts", "gateway.config.json"] as const;

/**
 * Finds the config of the current folder.
 * @param home the folder of main.ts, whose own config is the default
 * @returns the file's name; undefined for the default config, which only its own folder has, and a
 * platform that runs the gateway
 * @throws {StartError} when the folder has none
 */
export function findConfig(home: URL, isHosted: boolean): string | undefined {
  if (isHosted || Deno.realPathSync(".") === Deno.realPathSync(home)) return undefined;
  const found = NAMES.find(isFile);
  if (found !== undefined) return found;
  throw new StartError(
    `there is no ${NAMES[0]} in this folder: name a config with --config FILE, ` +
      "or write one with init, as README says",
  );
}

function isFile(name: string): boolean {
  try {
    return Deno.statSync(name).isFile;
  } catch {
    return false;
  }
}
