/** Calls a function at each SIGHUP; never on Windows, where a console that closes sends it. */
export function onReloadSignal(reload: () => void): void {
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGHUP", reload);
}
