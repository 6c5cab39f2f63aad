/**
 * Keeps two faults from ending the process: a rejection in a function of the config that nothing
 * handles, and a write to a file at its size limit, for which the system's default is to kill.
 * @param onError called with the reason of an unhandled rejection
 */
export function keepRunning(onError: (error: unknown) => void): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    onError(event.reason);
  });
  // With a listener, the write fails instead.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
}
