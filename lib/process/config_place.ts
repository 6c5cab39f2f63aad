import type { ConfigPlace } from "../config/named_files.ts";

/**
 * Returns the place of a config, whose files it may then name.
 * @param url the config file, or its folder with a slash at the end
 */
export function configPlace(url: URL): Required<ConfigPlace> {
  return { url, hasFile, readFile };
}

function readFile(url: URL): string | undefined {
  try {
    return Deno.readTextFileSync(url);
  } catch {
    return undefined;
  }
}

function hasFile(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}
