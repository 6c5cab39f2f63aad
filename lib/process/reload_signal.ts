/**
 * Calls a function at each SIGHUP; never on Windows, where a console that closes sends it. When a
 * terminal that closes has sent it, the process ends, as it does without a listener.
 */
export function onReloadSignal(reload: () => void): void {
  if (Deno.build.os === "windows") return;
  const hasTerminal = Deno.stdout.isTerminal();
  Deno.addSignalListener("SIGHUP", () => {
    if (hasTerminal && !Deno.stdout.isTerminal()) Deno.exit(HUNG_UP);
    reload();
  });
}

/** The exit code of what SIGHUP has ended, as shells give it. */
const HUNG_UP = 128 + 1;
