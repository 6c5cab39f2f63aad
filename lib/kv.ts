import { StartError } from "./start_error.ts";

/**
 * Opens the store.
 * @param location a file, whose missing folders are made; `:memory:`; a KV Connect URL; undefined
 * for Deno KV's own default
 * @throws {StartError} when it cannot be opened
 */
export async function openKv(location: string | undefined): Promise<Deno.Kv> {
  try {
    if (location !== undefined && isFile(location)) {
      const folder = location.replace(/[^/\\]*$/, "");
      if (folder !== "") await Deno.mkdir(folder, { recursive: true });
    }
    return await Deno.openKv(location);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`the store ${location ?? "of Deno KV"} cannot be opened: ${reason}`);
  }
}

function isFile(location: string): boolean {
  return location !== ":memory:" && !/^https?:\/\//.test(location);
}
