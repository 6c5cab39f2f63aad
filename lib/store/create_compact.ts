/**
 * Makes a store's file such that SQLite gives room that is free back to the system with each commit
 * (`auto_vacuum`), which can be chosen only while there is nothing in it. A file that exists stays as
 * it is: its free room is used again, and not given back.
 * @param path a file in a folder that exists
 */
export async function createCompact(path: string): Promise<void> {
  if (await exists(path)) return;
  try {
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(path);
    try {
      // The choice is written with the first table.
      database.exec("PRAGMA auto_vacuum = FULL; CREATE TABLE made (at); DROP TABLE made;");
    } finally {
      database.close();
    }
  } catch {
    // Opening the file reports what is wrong with it; or another process was faster.
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
