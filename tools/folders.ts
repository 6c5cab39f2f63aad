import { dirname } from "node:path";

/** Lists the files of a folder, and of the folders in it, by their paths. */
export async function* walk(folder: string): AsyncGenerator<string, void, void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else yield path;
  }
}

/** Copies the files of a folder. */
export async function copyFolder(from: string, to: string): Promise<void> {
  for await (const file of walk(from)) {
    const target = to + file.slice(from.length);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.copyFile(file, target);
  }
}
