/** Resolves at the first of the signals. At a second one the process exits at once, with 1. */
export function stopSignal(signals: readonly Deno.Signal[]): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let isStopping = false;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      if (isStopping) Deno.exit(1);
      isStopping = true;
      resolve();
    });
  }
  return promise;
}
