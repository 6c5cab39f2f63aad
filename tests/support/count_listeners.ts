/** Counts from now on how many listeners wait on a signal: none once it has aborted. */
export function countListeners(signal: AbortSignal): { readonly count: number } {
  const listening = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listening.add(args[1]);
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listening.delete(args[1]);
    remove(...args);
  };
  return {
    get count() {
      return signal.aborted ? 0 : listening.size;
    },
  };
}
