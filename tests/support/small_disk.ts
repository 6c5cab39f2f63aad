/** A file system of its own, as small as a test wants it. */
export interface SmallDisk extends AsyncDisposable {
  readonly path: string;
  /** Writes until nothing more fits. */
  fill(): Promise<void>;
  /** Makes room again. */
  empty(): Promise<void>;
  /** Lets nobody write any more, or again. */
  setWritable(isWritable: boolean): Promise<void>;
}

/** Mounts one; undefined where this user may not. */
export async function mountSmallDisk(kibibytes: number): Promise<SmallDisk | undefined> {
  const path = await Deno.makeTempDir({ prefix: "sluice-disk-" });
  const isMounted = await run("mount", "-t", "tmpfs", "-o", `size=${kibibytes}k`, "tmpfs", path);
  if (!isMounted) {
    await Deno.remove(path);
    return undefined;
  }
  const ballast = `${path}/ballast`;
  return {
    path,
    async fill() {
      using file = await Deno.open(ballast, { create: true, append: true });
      for (const bytes of [4096, 512, 1]) {
        try {
          while (true) await file.write(new Uint8Array(bytes));
        } catch {
          // Full, for blocks of this size.
        }
      }
    },
    empty: () => Deno.remove(ballast),
    async setWritable(isWritable) {
      await run("mount", "-o", `remount,${isWritable ? "rw" : "ro"}`, path);
    },
    async [Symbol.asyncDispose]() {
      await run("umount", "--lazy", path);
      await Deno.remove(path);
    },
  };
}

async function run(command: string, ...args: string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}
