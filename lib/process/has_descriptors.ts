/**
 * Whether at least `count` file descriptors are free, found by opening that many files: reading the
 * number and limit from /proc needs more permissions than a gateway has. Costs 5 µs each. True where
 * `/dev/null` cannot be opened for another reason.
 */
export function hasDescriptors(count: number): boolean {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < count) files.push(Deno.openSync("/dev/null"));
    return true;
  } catch (error) {
    return !isExhausted(error);
  } finally {
    for (const file of files) file.close();
  }
}

/** Whether the process (EMFILE) or the system (ENFILE) has no descriptor left. */
function isExhausted(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EMFILE" || code === "ENFILE";
}
