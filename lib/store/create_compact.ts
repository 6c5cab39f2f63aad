/**
 * Creates a store's file in which SQLite returns free space to the system with each commit
 * (`auto_vacuum`). That can be set only while the file is empty; an existing file is not changed: it
 * reuses its free space and does not shrink.
 * @param path a file in an existing folder
 */
export async function createCompact(path: string): Promise<void> {
  if (await exists(path)) return;
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(path);
    try {
      // The setting is stored with the first table.
      database.exec("PRAGMA auto_vacuum = FULL; CREATE TABLE made (at); DROP TABLE made;");
    } finally {
      database.close();
    }
  } catch {
    // Opening the file reports any problem, unless another process has just created it.
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
